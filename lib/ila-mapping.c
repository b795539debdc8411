/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-mapping.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "util.h"

enum key {
    KEY_DIR,
    KEY_MATCH_LOCATOR,
    KEY_IDENT,
    KEY_PORT,
    KEY_LOCATOR,
    KEY_CSUM_MODE,
    KEY_IDENT_TYPE,
    KEY_IDLE_TIMEOUT,
    KEY_HARD_TIMEOUT,
    KEY_ICMP_INNER,
    KEY_RESTORE_ZERO,
    KEY_ADJ_COMPAT,
    N_KEYS
};

#define MATCH_KEYS (1u << KEY_DIR | 1u << KEY_MATCH_LOCATOR \
                    | 1u << KEY_IDENT | 1u << KEY_PORT)
#define FILTER_KEYS (1u << KEY_DIR | 1u << KEY_PORT | 1u << KEY_LOCATOR)
#define ALL_KEYS ((1u << N_KEYS) - 1)

/* 'synonym' is the word of "ip ila", as far as there is another one. */
static const struct {
    const char *name;
    const char *synonym;
    bool has_value;
} keys[N_KEYS] = {
    [KEY_DIR] = { "dir", NULL, true },
    [KEY_MATCH_LOCATOR] = { "match-locator", "loc_match", true },
    [KEY_IDENT] = { "ident", NULL, true },
    [KEY_PORT] = { "port", "dev", true },
    [KEY_LOCATOR] = { "locator", "loc", true },
    [KEY_CSUM_MODE] = { "csum-mode", NULL, true },
    [KEY_IDENT_TYPE] = { "ident-type", NULL, true },
    [KEY_IDLE_TIMEOUT] = { "idle-timeout", "timeout", true },
    [KEY_HARD_TIMEOUT] = { "hard-timeout", NULL, true },
    [KEY_ICMP_INNER] = { "icmp-inner", NULL, false },
    [KEY_RESTORE_ZERO] = { "restore-zero", NULL, false },
    [KEY_ADJ_COMPAT] = { "adj-transport-compat", NULL, false },
};

static const struct {
    enum key key;
    uint8_t flag;
} entry_flags[] = {
    { KEY_ICMP_INNER, ILA_ENTRY_ICMP_INNER },
    { KEY_RESTORE_ZERO, ILA_ENTRY_RESTORE_ZERO },
    { KEY_ADJ_COMPAT, ILA_ENTRY_ADJ_COMPAT },
};

/* Types of identifiers that Linux has names for. */
static const char *const unsupported_types[] = {
    "virt-v4", "virt-uni-v6", "virt-multi-v6", "nonlocal-addr",
};

/* Returns the key that the first 'len' bytes of 'word' name, or N_KEYS. */
static enum key
find_key(const char *word, size_t len)
{
    for (enum key key = 0; key < N_KEYS; key++) {
        const char *names[] = { keys[key].name, keys[key].synonym };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
            if (names[i] && strlen(names[i]) == len
                && !memcmp(names[i], word, len)) {
                return key;
            }
        }
    }
    return N_KEYS;
}

static int
parse_timeout(const char *name, const char *s, uint32_t *timeout, char **error)
{
    unsigned int value;

    if (!isdigit((unsigned char) s[0]) || !str_to_uint(s, 10, &value)
        || !value) {
        *error = xasprintf("%s \"%s\" is not a number of seconds", name, s);
        return EINVAL;
    }
    *timeout = value;
    return 0;
}

static int
parse_value(enum key key, const char *s, const struct ila_names *names,
            struct ila_mapping *m, char **error)
{
    int port;

    switch (key) {
    case KEY_DIR:
        if (!ila_dir_from_string(s, &m->match.dir)) {
            *error = xasprintf("dir \"%s\" is neither \"in\" nor \"out\"", s);
            return EINVAL;
        }
        return 0;

    case KEY_MATCH_LOCATOR:
        m->match.fields |= ILA_MATCH_LOCATOR;
        *error = ila_locator_from_string(s, &m->match.locator);
        return *error ? EINVAL : 0;

    case KEY_IDENT:
        m->match.fields |= ILA_MATCH_IDENTIFIER;
        *error = ila_identifier_from_string(s, &m->match.identifier);
        return *error ? EINVAL : 0;

    case KEY_PORT:
        port = names->port_from_name(s, names->aux);
        if (port < 0 || port > UINT16_MAX) {
            *error = xasprintf("port \"%s\" does not exist", s);
            return ENODEV;
        }
        m->match.fields |= ILA_MATCH_IN_PORT;
        m->match.in_port = port;
        return 0;

    case KEY_LOCATOR:
        *error = ila_locator_from_string(s, &m->xlat.locator);
        return *error ? EINVAL : 0;

    case KEY_CSUM_MODE:
        if (!ila_csum_mode_from_string(s, &m->xlat.csum_mode)) {
            *error = xasprintf("csum-mode \"%s\" is unknown (modes are "
                               "adj-transport, neutral-map, neutral-map-auto "
                               "and no-action)", s);
            return EINVAL;
        }
        return 0;

    case KEY_IDENT_TYPE:
        if (ila_ident_type_from_string(s, &m->xlat.ident_type)) {
            return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(unsupported_types); i++) {
            if (!strcmp(s, unsupported_types[i])) {
                *error = xasprintf("ident-type \"%s\" is not supported", s);
                return EOPNOTSUPP;
            }
        }
        *error = xasprintf("ident-type \"%s\" is unknown (types are luid and "
                           "use-format)", s);
        return EINVAL;

    case KEY_IDLE_TIMEOUT:
        return parse_timeout(keys[key].name, s, &m->idle_timeout, error);

    case KEY_HARD_TIMEOUT:
        return parse_timeout(keys[key].name, s, &m->hard_timeout, error);

    case KEY_ICMP_INNER:
    case KEY_RESTORE_ZERO:
    case KEY_ADJ_COMPAT:
    case N_KEYS:
    default:
        OVS_NOT_REACHED();
    }
}

/* Parses words whose keys are in 'accepted'; '*given' says which there were.
 */
static int
parse_words(const char *const words[], size_t n, uint32_t accepted,
            const struct ila_names *names, struct ila_mapping *m,
            uint32_t *given, char **error)
{
    memset(m, 0, sizeof *m);
    m->match.dir = ILA_DIR_IN;
    m->xlat.ident_type = ILA_IDENT_LUID;
    *given = 0;
    *error = NULL;

    for (size_t i = 0; i < n; i++) {
        const char *word = words[i];
        size_t len = strcspn(word, "=");
        enum key key = find_key(word, len);
        const char *value;
        int retval;

        if (key == N_KEYS) {
            *error = xasprintf("\"%s\" is unknown", word);
            return EINVAL;
        } else if (!(accepted & 1u << key)) {
            *error = xasprintf("\"%s\" is not possible here", word);
            return EINVAL;
        } else if (*given & 1u << key) {
            *error = xasprintf("\"%s\": %s is given twice", word,
                               keys[key].name);
            return EINVAL;
        }
        *given |= 1u << key;

        if (!keys[key].has_value) {
            if (word[len]) {
                *error = xasprintf("\"%s\": %s takes no value", word,
                                   keys[key].name);
                return EINVAL;
            }
            for (size_t j = 0; j < ARRAY_SIZE(entry_flags); j++) {
                if (entry_flags[j].key == key) {
                    m->flags |= entry_flags[j].flag;
                }
            }
            continue;
        }

        value = word[len] ? &word[len + 1] : ++i < n ? words[i] : "";
        if (!value[0]) {
            *error = xasprintf("\"%s\" lacks a value", word);
            return EINVAL;
        }
        retval = parse_value(key, value, names, m, error);
        if (retval) {
            return retval;
        }
    }
    m->xlat.dir = m->match.dir;
    return 0;
}

/* Says on the key that a user knows what ila_mapping_check() says. */
static int
check_mapping(const struct ila_mapping *m, char **error)
{
    const char *key, *why;
    int retval;

    retval = ila_mapping_check(m, &key, &why);
    if (retval) {
        char locator[ILA_LOCATOR_STRLEN];
        ovs_be64 value = (!strcmp(key, "ident") ? m->match.identifier
                          : !strcmp(key, "locator") ? m->xlat.locator
                          : m->match.locator);

        if (!strcmp(key, "match")) {
            *error = xstrdup("match-locator or ident is missing");
        } else {
            *error = xasprintf("%s \"%s\" %s", key,
                               ila_locator_to_string(value, locator), why);
        }
    }
    return retval;
}

int
ila_mapping_parse(const char *const words[], size_t n,
                  const struct ila_names *names, struct ila_mapping *m,
                  char **error)
{
    uint32_t given;
    int retval;

    retval = parse_words(words, n, ALL_KEYS, names, m, &given, error);
    if (retval) {
        return retval;
    }

    if (!(given & 1u << KEY_LOCATOR)) {
        *error = xstrdup("locator is missing");
        return EINVAL;
    }
    if (!(given & 1u << KEY_CSUM_MODE)) {
        if (m->match.dir == ILA_DIR_OUT) {
            *error = xstrdup("csum-mode is missing, which dir=out needs");
            return EINVAL;
        }
        m->xlat.csum_mode = ILA_CSUM_NO_ACTION;
    }
    return check_mapping(m, error);
}

int
ila_match_parse(const char *const words[], size_t n,
                const struct ila_names *names, struct ila_match *match,
                char **error)
{
    struct ila_mapping m;
    uint32_t given;
    int retval;

    retval = parse_words(words, n, MATCH_KEYS, names, &m, &given, error);
    if (!retval && !(given & (1u << KEY_MATCH_LOCATOR | 1u << KEY_IDENT))) {
        *error = xstrdup("match-locator or ident is missing");
        retval = EINVAL;
    }
    if (!retval) {
        *match = m.match;
    }
    return retval;
}

int
ila_filter_parse(const char *const words[], size_t n,
                 const struct ila_names *names, struct ila_filter *filter,
                 char **error)
{
    struct ila_mapping m;
    uint32_t given;
    int retval;

    retval = parse_words(words, n, FILTER_KEYS, names, &m, &given, error);
    if (!retval) {
        memset(filter, 0, sizeof *filter);
        filter->dir = given & 1u << KEY_DIR ? m.match.dir : 0;
        filter->has_in_port = (given & 1u << KEY_PORT) != 0;
        filter->in_port = m.match.in_port;
        filter->xlat_locator = m.xlat.locator;
    }
    return retval;
}

int
ila_mapping_parse_line(const char *line, const struct ila_names *names,
                       struct ila_mapping *m, bool *empty, char **error)
{
    char *copy = xmemdup0(line, strcspn(line, "#"));
    const char *words[2 * N_KEYS + 1];
    char *save_ptr = NULL;
    size_t n = 0;
    int retval;

    for (char *word = strtok_r(copy, " \t\r\n", &save_ptr);
         word && n < ARRAY_SIZE(words);
         word = strtok_r(NULL, " \t\r\n", &save_ptr)) {
        words[n++] = word;
    }
    *empty = !n;
    *error = NULL;
    retval = n ? ila_mapping_parse(words, n, names, m, error) : 0;
    free(copy);
    return retval;
}

/* Formatting.  Everything goes through a function that gets keys and values,
 * so that text and JSON have the same. */

typedef void emit_func(enum key, const char *value, void *aux);

static void
emit_match(const struct ila_match *match, const struct ila_names *names,
           emit_func *emit, void *aux)
{
    char half[ILA_LOCATOR_STRLEN];

    emit(KEY_DIR, ila_dir_to_string(match->dir), aux);
    if (match->fields & ILA_MATCH_LOCATOR) {
        emit(KEY_MATCH_LOCATOR, ila_locator_to_string(match->locator, half),
             aux);
    }
    if (match->fields & ILA_MATCH_IDENTIFIER) {
        emit(KEY_IDENT, ila_locator_to_string(match->identifier, half), aux);
    }
    if (match->fields & ILA_MATCH_IN_PORT) {
        char *name = names->port_to_name(match->in_port, names->aux);

        emit(KEY_PORT, name, aux);
        free(name);
    }
}

static void
emit_timeout(enum key key, uint32_t timeout, emit_func *emit, void *aux)
{
    if (timeout) {
        char s[sizeof "4294967295"];

        snprintf(s, sizeof s, "%"PRIu32, timeout);
        emit(key, s, aux);
    }
}

static void
emit_mapping(const struct ila_mapping *m, const struct ila_names *names,
             emit_func *emit, void *aux)
{
    char half[ILA_LOCATOR_STRLEN];

    emit_match(&m->match, names, emit, aux);
    emit(KEY_LOCATOR, ila_locator_to_string(m->xlat.locator, half), aux);
    emit(KEY_CSUM_MODE, ila_csum_mode_to_string(m->xlat.csum_mode), aux);
    emit(KEY_IDENT_TYPE, ila_ident_type_to_string(m->xlat.ident_type), aux);
    emit_timeout(KEY_IDLE_TIMEOUT, m->idle_timeout, emit, aux);
    emit_timeout(KEY_HARD_TIMEOUT, m->hard_timeout, emit, aux);
    for (size_t i = 0; i < ARRAY_SIZE(entry_flags); i++) {
        if (m->flags & entry_flags[i].flag) {
            emit(entry_flags[i].key, NULL, aux);
        }
    }
}

static void
emit_text(enum key key, const char *value, void *s_)
{
    struct ds *s = s_;

    if (s->length && s->string[s->length - 1] != '\n') {
        ds_put_char(s, ' ');
    }
    ds_put_cstr(s, keys[key].name);
    if (value) {
        ds_put_format(s, "=%s", value);
    }
}

void
ila_mapping_format(const struct ila_mapping *m, const struct ila_names *names,
                   struct ds *s)
{
    emit_mapping(m, names, emit_text, s);
}

void
ila_match_format(const struct ila_match *match, const struct ila_names *names,
                 struct ds *s)
{
    emit_match(match, names, emit_text, s);
}

static void
emit_json(enum key key, const char *value, void *object_)
{
    struct json *object = object_;
    struct json *json = (!value ? json_boolean_create(true)
                         : key == KEY_IDLE_TIMEOUT || key == KEY_HARD_TIMEOUT
                         ? json_integer_create(strtoll(value, NULL, 10))
                         : json_string_create(value));

    json_object_put(object, keys[key].name, json);
}

struct json *
ila_mapping_to_json(const struct ila_mapping *m,
                    const struct ila_names *names)
{
    struct json *object = json_object_create();

    emit_mapping(m, names, emit_json, object);
    return object;
}
