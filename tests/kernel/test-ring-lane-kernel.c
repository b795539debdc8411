// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the lanes of the kernel module's ring in user space:
 *
 *     layout              numbers of geometries
 *     model N             random steps, N times, against a naive model
 *     interleavings N     all sequences of N steps, likewise
 *     malicious N         a consumer that writes anything, N times
 *     threads N           producer and consumer at once, N messages
 */

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ring_lane.h"

#define CHECK(CONDITION) \
	do { \
		if (!(CONDITION)) { \
			fprintf(stderr, "line %d: %s\n", __LINE__, #CONDITION); \
			abort(); \
		} \
	} while (0)

#define HEADER sizeof(struct ovs_ring_record)
#define MAX_MESSAGES 64

int shim_fence;

static u64 random_state = 88172645463325252ULL;

static u32 random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state >> 16;
}

/* A lane, its consumer, and what is known of both. */
struct world {
	struct ovs_ring_geometry geometry;
	struct ovs_ring_layout layout;
	u8 *producer;
	u8 *consumer;
	u32 *words;
	struct ovs_lane lane;

	/* The consumer. */
	u32 *released;
	u32 k;			/* Of the segment that is read. */
	u32 off;
	u64 seq;
	u64 got_lost;

	/* The model.  A segment is the consumer's from when it was opened until
	 * it is released; 'gens' 0 is nobody's.
	 */
	u32 opened;		/* Segments. */
	u32 used;
	u32 open_seg;
	bool is_open;
	u32 gens[16];
	bool is_finished[16];	/* Read to its end. */
	u32 busy[16];
	u64 next_seq;
	u64 records, bytes, lost, copied, discarded;
	struct message {
		struct ovs_lane_slot slot;
		u64 seq;
		u32 off;
	} pending[MAX_MESSAGES];
	u32 n_pending;
};

static struct world *new_world(u32 seg_size, u32 n_segs, u32 opened)
{
	struct world *w = calloc(1, sizeof(*w));

	w->geometry = (struct ovs_ring_geometry) {
		.n_lanes = 1, .seg_size = seg_size, .n_segs = n_segs,
	};
	CHECK(!ovs_ring_layout(&w->geometry, &w->layout));
	/* Just as large, for AddressSanitizer. */
	w->producer = aligned_alloc(4096, w->layout.producer_size);
	w->consumer = aligned_alloc(4096, w->layout.consumer_size);
	memset(w->producer, 0, w->layout.producer_size);
	memset(w->consumer, 0, w->layout.consumer_size);
	w->words = calloc(2 * n_segs, sizeof(u32));
	ovs_lane_init(&w->lane, &w->geometry, &w->layout, w->producer,
		      w->consumer, 0, w->words);
	w->released = (u32 *)(w->consumer + sizeof(struct ovs_ring_consumer));

	/* As if so many had been opened. */
	w->lane.opened = opened;
	w->lane.shared->prod = (u64)opened << 32;
	w->k = opened;
	w->opened = opened;
	return w;
}

static void free_world(struct world *w)
{
	free(w->producer);
	free(w->consumer);
	free(w->words);
	free(w);
}

static u32 generation(u32 k)
{
	return k == UINT32_MAX ? 1 : k + 1;
}

static u8 pattern(u64 seq, u32 i)
{
	return seq * 31 + i * 7 + 5;
}

static void write_payload(const struct ovs_lane_slot *slot, u64 seq)
{
	u8 *p = ovs_lane_payload(slot);
	u32 i;

	for (i = 0; i < slot->len; i++)
		p[i] = pattern(seq, i);
}

static bool model_is_free(const struct world *w, u32 seg)
{
	return !w->gens[seg] && !w->busy[seg];
}

static u32 size_of_record(u32 len)
{
	return HEADER + (len + 7) / 8 * 8;
}

/* Returns whether there is room for a record, in a segment that is opened if
 * need be.
 */
static bool model_make_room(struct world *w, u32 len)
{
	u32 n_segs = w->geometry.n_segs;
	u32 seg;

	if (len > ovs_ring_max_record(w->geometry.seg_size))
		return false;
	if (w->is_open &&
	    w->used + size_of_record(len) + HEADER <= w->geometry.seg_size)
		return true;

	for (seg = 0; seg < n_segs && !model_is_free(w, seg); seg++)
		;
	if (seg == n_segs)
		return false;
	/* The next one behind the one that is open. */
	seg = w->is_open ? w->open_seg + 1 : 0;
	while (!model_is_free(w, seg % n_segs))
		seg++;
	seg %= n_segs;
	w->open_seg = seg;
	w->is_open = true;
	w->gens[seg] = generation(w->opened++);
	w->is_finished[seg] = false;
	w->used = 0;
	return true;
}

static u8 *model_place(const struct world *w)
{
	return w->producer + w->layout.data_off +
	       w->open_seg * w->geometry.seg_size + w->used;
}

static void lose(struct world *w, u32 len)
{
	ovs_lane_lose(&w->lane, len);
	w->lost++;
	w->next_seq++;
}

/* Reserves, or loses. */
static void reserve(struct world *w, u32 len)
{
	struct message *m = &w->pending[w->n_pending];
	bool fits;

	if (w->n_pending == MAX_MESSAGES)
		return;
	fits = model_make_room(w, len);
	CHECK(ovs_lane_reserve(&w->lane, len, &m->slot) == fits);
	if (!fits) {
		lose(w, len);
		return;
	}
	CHECK(m->slot.seg == w->open_seg && m->slot.len == len);
	CHECK((u8 *)m->slot.record == model_place(w));
	m->seq = w->next_seq++;
	m->off = w->used;
	w->used += size_of_record(len);
	w->busy[w->open_seg]++;
	w->n_pending++;
	CHECK(w->lane.shared->prod == ((u64)w->opened << 32 | w->used));
}

/* Writes up to 'n' records of 'len' bytes that are shown at once.  One that does
 * not fit is lost, or may yet be tried again.
 */
static void write_at_once(struct world *w, u32 n, u32 len)
{
	u64 prod = w->lane.shared->prod;
	u32 ended = 0, i;
	u8 *p;

	if (w->n_pending)
		return;
	while (n--) {
		/* It may turn out to be shorter, or none. */
		u32 max = len + random_u32() % 20;
		bool fits = model_make_room(w, max);

		p = ovs_lane_begin(&w->lane, max);
		CHECK(!!p == fits);
		CHECK(w->lane.shared->prod == prod);
		if (fits && random_u32() % 16) {
			CHECK(p == model_place(w) + HEADER);
			for (i = 0; i < len; i++)
				p[i] = pattern(w->next_seq, i);
			ovs_lane_end(&w->lane, len, OVS_RING_T_NLMSG, 0);
			w->used += size_of_record(len);
			w->next_seq++;
			w->records++;
			w->bytes += len;
			ended++;
		} else if (!fits && random_u32() % 2) {
			lose(w, len);
		}
	}
	ovs_lane_publish(&w->lane);
	if (ended)
		prod = (u64)w->opened << 32 | w->used;
	CHECK(w->lane.shared->prod == prod);
}

/* Commits one that is pending, or gives it up. */
static void finish(struct world *w, u32 i, bool discard)
{
	struct message m;

	if (i >= w->n_pending)
		return;
	m = w->pending[i];
	memmove(&w->pending[i], &w->pending[i + 1],
		(--w->n_pending - i) * sizeof(m));
	w->busy[m.slot.seg]--;
	if (discard) {
		ovs_lane_discard(&w->lane, &m.slot);
		w->discarded++;
		return;
	}
	write_payload(&m.slot, m.seq);
	if (m.slot.len == sizeof(struct ovs_ring_copy)) {
		ovs_lane_commit(&w->lane, &m.slot, OVS_RING_T_COPY,
				OVS_RING_RF_COPY, 0);
		w->copied++;
	} else {
		ovs_lane_commit(&w->lane, &m.slot, OVS_RING_T_NLMSG, 0, 0);
		w->records++;
		w->bytes += m.slot.len;
	}
}

/* Reads a record, or comes to where there is none. */
static bool consume(struct world *w)
{
	u64 prod = w->lane.shared->prod;
	u32 opened = prod >> 32, used = prod;
	u32 seg, word, i, len;
	const struct ovs_ring_record *r;

	if (w->k == opened || (w->k + 1 == opened && w->off >= used))
		return false;
	seg = w->lane.order[w->k & (2 * w->geometry.n_segs - 1)];
	CHECK(seg < w->geometry.n_segs && w->gens[seg] == generation(w->k));
	r = (void *)(w->producer + w->layout.data_off +
		     seg * w->geometry.seg_size + w->off);
	word = r->word;
	if (word & OVS_RING_R_BUSY)
		return false;
	if (word & OVS_RING_R_END) {
		CHECK(!r->seq && w->k + 1 != opened);
		w->is_finished[seg] = true;
		w->k++;
		w->off = 0;
		return true;
	}

	len = word & OVS_RING_R_LEN;
	CHECK(r->seq >= w->seq);
	if (!w->n_pending)
		CHECK(!!(r->flags & OVS_RING_RF_LOST) == (r->seq != w->seq));
	w->got_lost += r->seq - w->seq;
	w->seq = r->seq + 1;
	w->off += HEADER + (len + 7) / 8 * 8;
	if (word & OVS_RING_R_DISCARD)
		return true;
	for (i = 0; i < len; i++)
		CHECK(((const u8 *)(r + 1))[i] == pattern(r->seq, i));
	return true;
}

/* Gives one back that was read to its end. */
static void release(struct world *w, u32 seg)
{
	if (!w->is_finished[seg])
		return;
	w->released[seg] = w->gens[seg];
	w->gens[seg] = 0;
	w->is_finished[seg] = false;
}

static void check_counters(const struct world *w)
{
	const struct ovs_ring_lane *s = w->lane.shared;
	u32 seg, n = 0;

	CHECK(s->records == w->records && s->bytes == w->bytes);
	CHECK(s->lost_records == w->lost && s->copied == w->copied);
	CHECK(s->discarded == w->discarded);
	CHECK(w->lane.seq == w->next_seq);
	CHECK(w->records + w->lost + w->copied + w->discarded + w->n_pending ==
	      w->next_seq);
	for (seg = 0; seg < w->geometry.n_segs; seg++)
		n += model_is_free(w, seg);
	CHECK(ovs_lane_free_segs(&w->lane) == n);
}

/* All that was offered is there, once nobody is in its midst. */
static void drain(struct world *w)
{
	while (w->n_pending)
		finish(w, 0, false);
	while (consume(w))
		;
	CHECK(w->got_lost + (w->next_seq - w->seq) == w->lost);
	check_counters(w);
}

static void check_read(struct world *w)
{
	const struct message *m = &w->pending[random_u32() % MAX_MESSAGES];
	u32 seg = random_u32() % w->geometry.n_segs;
	u8 bytes[64];

	CHECK(ovs_lane_read(&w->lane, w->geometry.n_segs, 1, 0, 1, bytes) ==
	      -EINVAL);
	CHECK(ovs_lane_read(&w->lane, seg, w->gens[seg],
			    w->geometry.seg_size - 63, 64, bytes) == -EINVAL);
	CHECK(ovs_lane_read(&w->lane, seg, w->gens[seg], ~0U, 64, bytes) ==
	      -EINVAL);
	CHECK(ovs_lane_read(&w->lane, seg, 0, 0, 64, bytes) == -ESTALE);
	CHECK(ovs_lane_read(&w->lane, seg, w->gens[seg] + 1, 0, 64, bytes) ==
	      -ESTALE);
	CHECK(ovs_lane_read(&w->lane, seg, w->gens[seg], 0, 64, bytes) ==
	      (w->gens[seg] ? 0 : -ESTALE));
	if (m < w->pending + w->n_pending) {
		u32 word;

		CHECK(!ovs_lane_read(&w->lane, m->slot.seg,
				     w->gens[m->slot.seg], m->off,
				     sizeof(word), &word));
		CHECK(word == (OVS_RING_R_BUSY | m->slot.len));
	}
}

static void test_model(unsigned int n)
{
	while (n--) {
		u32 n_segs = 2 << random_u32() % 4;
		struct world *w = new_world(4096, n_segs,
					    random_u32() % 2 ? 0 : -5);
		unsigned int steps = 2000, keen = 1 + random_u32() % 4;

		while (steps--) {
			u32 x = random_u32() % 100;

			if (x < 40)
				reserve(w, random_u32() % 8 ? random_u32() % 600
					: random_u32() % 4200);
			else if (x < 42)
				reserve(w, sizeof(struct ovs_ring_copy));
			else if (x < 46)
				write_at_once(w, random_u32() % 30,
					      random_u32() % 600);
			else if (x < 70)
				finish(w, random_u32() % 4 ? 0 :
				       random_u32() % MAX_MESSAGES,
				       random_u32() % 16 == 0);
			else if (x < 70 + 5 * keen)
				consume(w);
			else if (x < 97)
				release(w, random_u32() % n_segs);
			else
				check_read(w);
			check_counters(w);
		}
		drain(w);
		free_world(w);
	}
}

/* R3: how much of a ring is payload of 128 bytes. */
static void test_density(void)
{
	struct world *w = new_world(65536, 8, 0);

	while (!w->lost) {
		reserve(w, 128);
		finish(w, 0, false);
	}
	CHECK(w->bytes >= 8 * 65536 * 88ULL / 100);
	free_world(w);
}

/* R4: a number of segments is held for ever. */
static void test_hold(void)
{
	enum { N = 8 };
	u32 k, seg, held;

	for (k = 0; k < N; k++) {
		struct world *w = new_world(4096, N, 0);
		bool keep[N] = { false };
		u32 i;

		held = 0;
		for (i = 0; i < 500 && !w->lost; i++) {
			reserve(w, 1000);
			finish(w, 0, false);
			while (consume(w))
				;
			for (seg = 0; seg < N; seg++) {
				if (w->is_finished[seg] && !keep[seg] &&
				    held < k) {
					keep[seg] = true;
					held++;
				}
				if (!keep[seg])
					release(w, seg);
			}
		}
		CHECK(held == k);
		CHECK(!!w->lost == (k == N - 1));
		CHECK(!!w->lane.shared->skipped_segs == !!(k % (N - 1)));
		if (w->lost) {
			for (seg = 0; !keep[seg]; seg++)
				;
			release(w, seg);
			reserve(w, 1000);
			CHECK(w->lost == 1 && w->n_pending == 1);
		}
		drain(w);
		free_world(w);
	}
}

/* A copy of a world, to come back to. */
static struct world *copy_world(const struct world *w)
{
	struct world *c = new_world(w->geometry.seg_size, w->geometry.n_segs,
				    0);
	struct ovs_lane lane = c->lane;
	u8 *producer = c->producer, *consumer = c->consumer;
	u32 *words = c->words, *released = c->released, i;

	memcpy(producer, w->producer, w->layout.producer_size);
	memcpy(consumer, w->consumer, w->layout.consumer_size);
	memcpy(words, w->words, 2 * w->geometry.n_segs * sizeof(u32));
	*c = *w;
	c->producer = producer;
	c->consumer = consumer;
	c->words = words;
	c->released = released;
	c->lane.shared = lane.shared;
	c->lane.order = lane.order;
	c->lane.data = lane.data;
	c->lane.consumer = lane.consumer;
	c->lane.released = lane.released;
	c->lane.gens = lane.gens;
	c->lane.busy = lane.busy;
	for (i = 0; i < c->n_pending; i++)
		c->pending[i].slot.record = (void *)
			(producer + ((u8 *)w->pending[i].slot.record -
				     w->producer));
	return c;
}

static unsigned long n_worlds;

/* Everything that can be done in 'depth' steps, also not to finish a record. */
static void explore(const struct world *w, unsigned int depth)
{
	unsigned int step;

	n_worlds++;
	for (step = 0; step < 9; step++) {
		struct world *next;

		if (step == 6 && w->n_pending)
			continue;
		next = copy_world(w);
		switch (step) {
		case 0:
			reserve(next, 1900);
			break;
		case 1:
			reserve(next, 4000);
			break;
		case 2:
			finish(next, 0, false);
			break;
		case 3:
			finish(next, next->n_pending - 1, false);
			break;
		case 4:
			finish(next, 0, true);
			break;
		case 5:
			consume(next);
			break;
		case 6:
			write_at_once(next, 2, 1900);
			break;
		default:
			release(next, step - 7);
			break;
		}
		check_counters(next);
		if (depth > 1)
			explore(next, depth - 1);
		else
			drain(next);
		free_world(next);
	}
}

static void test_interleavings(unsigned int depth)
{
	struct world *w = new_world(4096, 2, -1);

	/* One segment is open, so that the steps come to something. */
	reserve(w, 1900);
	finish(w, 0, false);
	explore(w, depth);
	reserve(w, 4000);
	explore(w, depth);
	free_world(w);
	printf("%lu states\n", n_worlds);
}

static bool overlap(const struct ovs_lane_slot *a,
		    const struct ovs_lane_slot *b)
{
	const u8 *x = (const u8 *)a->record, *y = (const u8 *)b->record;

	return x < y + HEADER + b->len && y < x + HEADER + a->len;
}

/* Returns how many there was space for, of up to 'n'. */
static u32 produce_at_once(struct world *w, u32 n, u32 len)
{
	u32 done, i;
	u8 *p;

	for (done = 0; done < n; done++) {
		p = ovs_lane_begin(&w->lane, len);
		if (!p)
			break;
		for (i = 0; i < len; i++)
			p[i] = pattern(w->lane.seq, i);
		ovs_lane_end(&w->lane, len, OVS_RING_T_NLMSG, 0);
	}
	ovs_lane_publish(&w->lane);
	return done;
}

static void test_malicious(unsigned int n)
{
	while (n--) {
		struct world *w = new_world(4096, 2 << random_u32() % 4,
					    random_u32() % 2 ? 0 : -9);
		u32 n_words = w->layout.consumer_size / sizeof(u32);
		unsigned int steps = 3000;
		u32 i, x;

		while (steps--) {
			struct message *m = &w->pending[w->n_pending];
			u32 len = random_u32() % 4 ? random_u32() % 500
						   : random_u32() % 5000;

			x = random_u32() % 4;
			if (x == 0) {
				u32 *word = (u32 *)w->consumer;

				word += random_u32() % 2 ? 16 + random_u32() % 16
				       : random_u32() % n_words;
				/* Anything, or what may be right. */
				*word = random_u32() % 3 == 0 ? random_u32()
					: w->lane.opened - random_u32() % 20;
			} else if (x == 1 && w->n_pending) {
				struct ovs_lane_slot slot;

				i = random_u32() % w->n_pending;
				slot = w->pending[i].slot;
				for (u32 j = 0; j < slot.len; j++)
					CHECK(((u8 *)ovs_lane_payload(&slot))[j]
					      == pattern(w->pending[i].seq, j));
				ovs_lane_commit(&w->lane, &slot,
						OVS_RING_T_NLMSG, 0, 0);
				ovs_lane_wake(&w->lane, slot.len);
				w->pending[i] = w->pending[--w->n_pending];
			} else if (x == 1) {
				produce_at_once(w, 5, len);
			} else if (x > 1 && w->n_pending < MAX_MESSAGES) {
				u32 opened = w->lane.opened, at = w->lane.seg;
				u32 used = w->lane.used;
				u64 seq = w->lane.seq;

				if (!ovs_lane_reserve(&w->lane, len, &m->slot)) {
					ovs_lane_lose(&w->lane, len);
					continue;
				}
				/* The open one is left out. */
				CHECK(w->lane.opened == opened ||
				      w->lane.seg != at || used == 4096);
				m->seq = seq;
				write_payload(&m->slot, seq);
				for (i = 0; i < w->n_pending; i++)
					CHECK(!overlap(&m->slot,
						       &w->pending[i].slot));
				CHECK((u8 *)m->slot.record >= w->producer +
				      w->layout.data_off);
				w->n_pending++;
			}
			ovs_lane_woken(&w->lane);
			ovs_lane_wake_late(&w->lane);
		}
		free_world(w);
	}
}

/* Threads. */

static struct world *shared_world;
static u64 n_messages;
static pthread_mutex_t wake_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake_cond = PTHREAD_COND_INITIALIZER;

/* Returns whether there was space. */
static bool produce_one(struct world *w, u32 len)
{
	struct ovs_lane_slot slot;

	if (!ovs_lane_reserve(&w->lane, len, &slot))
		return false;
	write_payload(&slot, w->lane.seq - 1);
	ovs_lane_commit(&w->lane, &slot, OVS_RING_T_NLMSG, 0, 0);
	return true;
}

static void *produce(void *unused)
{
	struct world *w = shared_world;
	u64 i = 0;

	while (i < n_messages) {
		u32 len = random_u32() % 300, n;
		enum ovs_lane_wake wake;

		if (random_u32() % 4)
			n = produce_one(w, len);
		else
			n = produce_at_once(w, n_messages - i < 5 ? 1 : 5, len);
		i += n;
		if (!n) {
			ovs_lane_lose(&w->lane, len);
			i++;
			sched_yield();
			continue;
		}
		wake = ovs_lane_wake(&w->lane, len);
		CHECK(wake != OVS_LANE_WAKE_LATER);
		if (wake == OVS_LANE_WAKE_NOW) {
			pthread_mutex_lock(&wake_mutex);
			pthread_cond_signal(&wake_cond);
			pthread_mutex_unlock(&wake_mutex);
		}
	}
	return unused;
}

/* As 'consume', but for what the producer may be at. */
static bool consume_shared(struct world *w)
{
	const struct ovs_ring_record *r;
	/* As the layout has it; so are those below. */
	u64 prod = smp_load_acquire(&w->lane.shared->prod);
	u32 opened = prod >> 32, used = prod, seg, word, i, len;

	if (w->k == opened || (w->k + 1 == opened && w->off >= used))
		return false;
	seg = READ_ONCE(w->lane.order[w->k & (2 * w->geometry.n_segs - 1)]);
	r = (void *)(w->producer + w->layout.data_off +
		     seg * w->geometry.seg_size + w->off);
	word = smp_load_acquire(&r->word);	/* The payload, too. */
	if (word & OVS_RING_R_BUSY)
		return false;
	if (word & OVS_RING_R_END) {
		/* It was read. */
		smp_store_release(&w->released[seg], generation(w->k));
		w->k++;
		w->off = 0;
		return true;
	}
	len = word & OVS_RING_R_LEN;
	CHECK(r->seq >= w->seq);
	w->got_lost += r->seq - w->seq;
	w->seq = r->seq + 1;
	w->off += HEADER + (len + 7) / 8 * 8;
	for (i = 0; i < len; i++)
		CHECK(((const u8 *)(r + 1))[i] == pattern(r->seq, i));
	w->records++;
	return true;
}

static void test_threads(u64 n)
{
	struct ovs_ring_consumer *consumer;
	struct world *w;
	pthread_t thread;
	u32 armed = 0;

	n_messages = n;
	w = new_world(4096, 8, -3);
	shared_world = w;
	consumer = (struct ovs_ring_consumer *)w->consumer;
	/* Who sleeps through the last one is caught by this. */
	alarm(120);
	CHECK(!pthread_create(&thread, NULL, produce, NULL));
	while (w->seq + (READ_ONCE(w->lane.shared->lost_records) -
			 w->got_lost) < n) {
		if (consume_shared(w))
			continue;
		pthread_mutex_lock(&wake_mutex);
		WRITE_ONCE(consumer->armed, ++armed ? armed : ++armed);
		smp_mb();	/* As ovs_lane_wake(). */
		while (!consume_shared(w) &&
		       w->seq + (READ_ONCE(w->lane.shared->lost_records) -
				 w->got_lost) < n &&
		       !ovs_lane_woken(&w->lane)) {
			struct timespec t;

			/* Losses wake nobody. */
			clock_gettime(CLOCK_REALTIME, &t);
			t.tv_sec++;
			pthread_cond_timedwait(&wake_cond, &wake_mutex, &t);
		}
		WRITE_ONCE(consumer->armed, 0);
		pthread_mutex_unlock(&wake_mutex);
	}
	pthread_join(thread, NULL);
	CHECK(w->records == w->lane.shared->records && w->records);
	CHECK(w->records + w->lane.shared->lost_records == n);
	printf("%llu read, %llu lost, %llu wakes\n",
	       (unsigned long long)w->records,
	       (unsigned long long)w->lane.shared->lost_records,
	       (unsigned long long)w->lane.shared->wakes);
	free_world(w);
}

static void test_wake(void)
{
	struct world *w = new_world(4096, 4, 0);
	struct ovs_ring_consumer *c = (void *)w->consumer;

	CHECK(ovs_lane_wake(&w->lane, 1) == OVS_LANE_WAKE_NO);
	CHECK(!ovs_lane_woken(&w->lane) && !ovs_lane_wake_late(&w->lane));
	c->armed = 7;
	CHECK(ovs_lane_wake(&w->lane, 1) == OVS_LANE_WAKE_NOW);
	CHECK(ovs_lane_woken(&w->lane));
	CHECK(ovs_lane_wake(&w->lane, 1) == OVS_LANE_WAKE_NO);
	c->armed = 8;
	c->wake_bytes = 2 * HEADER + 10;
	CHECK(!ovs_lane_woken(&w->lane));
	CHECK(ovs_lane_wake(&w->lane, 4) == OVS_LANE_WAKE_LATER);
	CHECK(ovs_lane_wake(&w->lane, 6) == OVS_LANE_WAKE_NOW);
	/* What came before it slept does not count. */
	c->armed = 9;
	CHECK(ovs_lane_wake(&w->lane, 9) == OVS_LANE_WAKE_LATER);
	CHECK(ovs_lane_wake_late(&w->lane) && !ovs_lane_wake_late(&w->lane));
	CHECK(w->lane.shared->wakes == 3);
	free_world(w);
}

static void test_layout(void)
{
	static const struct ovs_ring_geometry bad[] = {
		{ 0, 4096, 2, 0, 0 },
		{ 1, 4095, 2, 0, 0 },
		{ 1, 2048, 2, 0, 0 },
		{ 1, 1 << 21, 2, 0, 0 },
		{ 1, 4096, 1, 0, 0 },
		{ 1, 4096, 6, 0, 0 },
		{ 1, 4096, 2048, 0, 0 },
		{ 1, 4096, 2, 3, 0 },
		{ 1, 4096, 2, 1 << 17, 0 },
		{ 1, 4096, 2, 0, 64 },
		{ 1, 4096, 2, 1, 32 },
		{ 1, 4096, 2, 1, 1 << 21 },
	};
	/* No number is too large for its type. */
	static const struct ovs_ring_geometry largest = {
		UINT32_MAX, 1 << 20, 1024, 65536, 1 << 20
	};
	struct ovs_ring_layout l;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(ovs_ring_layout(&bad[i], &l) == -EINVAL);
	CHECK(!ovs_ring_layout(&largest, &l));
	CHECK(l.producer_size > (u64)UINT32_MAX << 30);
	CHECK(l.consumer_size > (u64)UINT32_MAX * (3 << 20));
	CHECK(!(l.data_off % 4096) && l.data_off > (u64)UINT32_MAX * 8192);
}

int main(int argc, char *argv[])
{
	unsigned int n = argc > 2 ? atoi(argv[2]) : 0;

	if (argc == 2 && !strcmp(argv[1], "layout")) {
		test_layout();
		test_wake();
		test_density();
		test_hold();
	} else if (argc == 3 && !strcmp(argv[1], "model")) {
		test_model(n);
	} else if (argc == 3 && !strcmp(argv[1], "interleavings")) {
		test_interleavings(n);
	} else if (argc == 3 && !strcmp(argv[1], "malicious")) {
		test_malicious(n);
	} else if (argc == 3 && !strcmp(argv[1], "threads")) {
		test_threads(n);
	} else {
		fprintf(stderr, "no such test\n");
		return 1;
	}
	return 0;
}
