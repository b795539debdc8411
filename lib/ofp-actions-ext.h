/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFP_ACTIONS_EXT_H
#define OFP_ACTIONS_EXT_H 1

/* OFPACT_EXTENSION for ofp-actions.c, the only file that includes this: it
 * needs that file's static functions.  No extension is known here; see
 * ofp-extension.h.  What that file asks about zones of ct is in vrf-zone.h. */

#include "mf-alias.h"
#include "ofp-extension.h"
#include "vrf-zone.h"

struct nx_action_extension {
    ovs_be16 type;              /* OFPAT_VENDOR. */
    ovs_be16 len;               /* Multiple of 8. */
    ovs_be32 vendor;            /* NX_VENDOR_ID. */
    ovs_be16 subtype;           /* NXAST_EXTENSION. */
    ovs_be16 ext_type;          /* From enum ofp_extension_type. */
    ovs_be16 body_len;          /* Bytes of body. */
    ovs_be16 zero;
    /* Followed by the body and zeros up to a multiple of 8 bytes. */
};
OFP_ASSERT(sizeof(struct nx_action_extension) == 16);

static enum ofperr
decode_NXAST_RAW_EXTENSION(const struct nx_action_extension *nae,
                           enum ofp_version ofp_version OVS_UNUSED,
                           struct ofpbuf *out)
{
    const struct ofp_extension_class *class;
    size_t body_len = ntohs(nae->body_len);
    size_t len = ntohs(nae->len);
    const uint8_t *body = (const uint8_t *) (nae + 1);

    if (nae->zero) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    if (len != ROUND_UP(sizeof *nae + body_len, OFP_ACTION_ALIGN)) {
        VLOG_WARN_RL(&rl, "extension action length %"PRIuSIZE" does not agree "
                     "with body length %"PRIuSIZE, len, body_len);
        return OFPERR_OFPBAC_BAD_LEN;
    }
    if (!is_all_zeros(body + body_len, len - sizeof *nae - body_len)) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    class = ofp_extension_from_type(ntohs(nae->ext_type));
    if (!class) {
        VLOG_WARN_RL(&rl, "unknown extension action type %"PRIu16,
                     ntohs(nae->ext_type));
        return OFPERR_OFPBAC_BAD_VENDOR_TYPE;
    }
    return class->decode(body, body_len, out);
}

static void
encode_EXTENSION(const struct ofpact_extension *a,
                 enum ofp_version ofp_version OVS_UNUSED, struct ofpbuf *out)
{
    size_t start = out->size;
    struct nx_action_extension *nae = put_NXAST_EXTENSION(out);

    nae->ext_type = htons(a->subtype);
    ofp_extension_of(a)->encode(a->body, out);

    nae = ofpbuf_at_assert(out, start, sizeof *nae);
    nae->body_len = htons(out->size - start - sizeof *nae);
    pad_ofpat(out, start);
}

/* "extension" itself is no action: each one goes by its own name. */
static char * OVS_WARN_UNUSED_RESULT
parse_EXTENSION(char *args OVS_UNUSED,
                const struct ofpact_parse_params *pp OVS_UNUSED)
{
    return xstrdup("unknown action extension");
}

static void
format_EXTENSION(const struct ofpact_extension *a,
                 const struct ofpact_format_params *fp)
{
    const struct ofp_extension_class *class = ofp_extension_of(a);

    ds_put_format(fp->s, "%s%s(%s", colors.paren, class->name, colors.end);
    class->format(a->body, fp);
    ds_put_format(fp->s, "%s)%s", colors.paren, colors.end);
}

static enum ofperr
check_EXTENSION(const struct ofpact_extension *a,
                const struct ofpact_check_params *cp)
{
    return ofp_extension_of(a)->check(a->body, cp);
}

/* Parses set_field's 'value' for the part of a field that is called 'name', an
 * alias. */
static char * OVS_WARN_UNUSED_RESULT
parse_set_field_alias(const char *name, const char *value,
                      const struct ofpact_parse_params *pp)
{
    union mf_value sf_value, sf_mask;
    const struct mf_field *mf;
    char *error;

    memset(&sf_value, 0, sizeof sf_value);
    memset(&sf_mask, 0, sizeof sf_mask);
    error = mf_alias_parse(name, value, &mf, &sf_value, &sf_mask);
    if (!error) {
        *pp->usable_protocols &= mf->usable_protocols_exact;
        ofpact_put_set_field(pp->ofpacts, mf, &sf_value, &sf_mask);
    }
    return error;
}

#endif /* ofp-actions-ext.h */
