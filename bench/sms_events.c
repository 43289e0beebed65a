/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `make bench-sms`: events into the SMS and out of it. Threads are devices that send batches one
 * after the other, as the pool of smsd takes them; then pages are asked for by filters, with no
 * events coming and while they come. What is measured is the room smsd/ingest without HTTPS.
 *
 *   sms-events [--database CONNECTION] DIRECTORY [EVENTS [DEVICES [BATCH [RATE]]]]
 *
 * CONNECTION: of libpq, to an empty database of PostgreSQL; without it, SQLite in DIRECTORY.
 * EVENTS: so many are there at least when pages are asked for. RATE: events a second that all
 * devices send together; 0: as fast as they are taken.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/ingest/event_store.h"
#include "smsd/ingest/ingest.h"
#include "smsd/store/store.h"

enum {
	DEVICES_MAX_HERE = 64,
	ASKED = 100,
	PAGE = 100,
	SITES = 20000,
	CLIENTS = 5000,
	SERVERS = 3000
};

struct bench {
	struct ingest *ingest;
	unsigned devices, batch, rate;
	uint64_t enough; /* events; 0: until it is over */
	atomic_bool over;
	atomic_uint_least64_t stored, generating_ns, worst_ns, batches, took_ns;
};

struct device {
	struct bench *bench;
	unsigned number;
	uint64_t state; /* of its random numbers */
};

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t random_of(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A few are asked for often, many seldom. */
static unsigned pick(uint64_t *state, unsigned count)
{
	uint64_t r = random_of(state);
	unsigned among = count >> (r & 7);

	return (unsigned)((r >> 8) % (among ? among : 1));
}

static const char *const outcomes[] = {"inspected", "inspected", "inspected", "not_decrypted",
                                       "bypassed",  "blocked",   "inspected", "failed"};
static const char *const reasons[] = {"closed", "client_reset",        "server_reset", "no_policy",
                                      "ech",    "certificate_expired", "rule",         "gone"};

/* As a worker and `control` write a session that was inspected: some 900 bytes. */
static int add_line(struct buf *out, struct device *d, const char *name, const char *epoch,
                    uint64_t seq, const char *time)
{
	unsigned site = pick(&d->state, SITES), client = pick(&d->state, CLIENTS);
	unsigned server = pick(&d->state, SERVERS), o = pick(&d->state, 8);

	return buf_printf(
	        out,
	        "{\"epoch\":\"%s\",\"seq\":%" PRIu64 ",\"device\":\"%s\",\"timestamp\":\"%s\","
	        "\"event_type\":\"%s\",\"flow_id\":%" PRIu64 ",\"src_ip\":\"10.%u.%u.7\","
	        "\"src_port\":%u,\"dest_ip\":\"198.51.%u.%u\",\"dest_port\":443,\"proto\":\"TCP\","
	        "\"segment\":\"office\",\"virtual_segment\":\"web\",\"profile\":\"profile%u\","
	        "\"policy\":\"policy%u\",\"proxy\":\"out\",\"outcome\":\"%s\",\"reason\":\"%s\","
	        "\"reason_text\":\"closed by its ends\",\"class\":null,\"step\":\"end\","
	        "\"duration_ms\":1834,\"tls\":{\"sni\":\"h%u.site%u.example\",\"ja3\":{\"hash\":"
	        "\"e7d705a3286e19ea42f587b344ee6865\"},\"ja4\":\"t13d1516h2_8daaf6152771_"
	        "e5627efa2ab1\","
	        "\"alpn\":\"http/1.1\",\"client\":{\"version\":\"TLSv1.3\",\"suite\":"
	        "\"TLS_AES_128_GCM_SHA256\",\"group\":\"x25519\",\"resumed\":false},\"server\":"
	        "{\"version\":\"TLSv1.3\",\"suite\":\"TLS_AES_128_GCM_SHA256\",\"group\":"
	        "\"x25519\","
	        "\"resumed\":true}},\"bytes_to_server\":2312,\"bytes_to_client\":48213,"
	        "\"bytes_inspected\":50525}\n",
	        epoch, seq, name, time, o == 5 ? "ips_block" : "ssl_inspection",
	        random_of(&d->state) >> 12, client >> 8, client & 255,
	        (unsigned)(1024 + (random_of(&d->state) & 0x7fff)), server >> 8, server & 255,
	        pick(&d->state, 5), pick(&d->state, 20), outcomes[o], reasons[o], site,
	        site % 3000);
}

static void fail(const char *what)
{
	(void)fprintf(stderr, "sms-events: %s\n", what);
	exit(1);
}

static void send_batch(struct device *d, struct buf *lines, const char *name, const char *epoch,
                       uint64_t *next)
{
	struct bench *b = d->bench;
	struct ingest_batch batch = {.device = name, .epoch = epoch, .first = *next};
	uint64_t began = cpu_ns(CLOCK_THREAD_CPUTIME_ID), sent, took;
	struct problem problem = {0};
	struct ingest_answer answer;
	char time[CLOCK_TEXT_MAX];

	lines->len = 0;
	for (unsigned i = 0; i < b->batch; i++)
		if (add_line(lines, d, name, epoch, (*next)++,
		             clock_format_us(clock_wall_us(), time)) != 0)
			fail("out of memory");
	b->generating_ns += cpu_ns(CLOCK_THREAD_CPUTIME_ID) - began;
	batch.lines = lines->data;
	batch.len = lines->len;
	sent = clock_now_ns();
	if (ingest_take(b->ingest, &batch, &answer, &problem) != 0)
		fail(problem.count ? problem.items[0].text : "a batch was refused");
	took = clock_now_ns() - sent;
	if (answer.next != *next || answer.stored != b->batch)
		fail("a batch was not stored whole");
	b->stored += answer.stored;
	b->batches++;
	b->took_ns += took;
	if (took > b->worst_ns)
		b->worst_ns = took;
}

static void *run_device(void *arg)
{
	struct device *d = arg;
	struct bench *b = d->bench;
	char name[32], epoch[INTAKE_EPOCH_LEN + 1];
	uint64_t next = 0, period = 0, due = clock_now_ns();
	struct buf lines;

	buf_init(&lines, 64 * 1024 * 1024);
	(void)snprintf(name, sizeof(name), "box%u", d->number);
	(void)snprintf(epoch, sizeof(epoch), "%016" PRIx64, random_of(&d->state));
	if (b->rate)
		period = CLOCK_NS_PER_S * b->batch * b->devices / b->rate;
	while (!b->over && (b->enough == 0 || b->stored < b->enough)) {
		uint64_t now = clock_now_ns();

		if (now < due)
			(void)usleep((useconds_t)((due - now) / 1000));
		due += period;
		send_batch(d, &lines, name, epoch, &next);
	}
	buf_fini(&lines);
	return NULL;
}

/* ---- asking ------------------------------------------------------------------------------ */

static int count_one(void *arg, const struct event_found *found)
{
	(void)found;
	(*(unsigned *)arg)++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Values for the filter; different ones each time. */
static void fill(struct event_filter *filter, unsigned kind, uint64_t *state, char text[4][64])
{
	unsigned site = pick(state, SITES), client = pick(state, CLIENTS);

	(void)snprintf(text[0], 64, "h%u.site%u.example", site, site % 3000);
	(void)snprintf(text[1], 64, "10.%u.%u.7", client >> 8, client & 255);
	(void)snprintf(text[2], 64, "site%u", pick(state, 3000));
	(void)snprintf(text[3], 64, "profile%u", pick(state, 5));
	*filter = (struct event_filter){.from_ms = INT64_MIN, .to_ms = INT64_MAX};
	switch (kind) {
	case 0:
		break;
	case 1:
		filter->field[INTAKE_OUTCOME] = "blocked";
		break;
	case 2:
		filter->field[INTAKE_SNI] = text[0];
		break;
	case 3:
		filter->address = text[1];
		break;
	case 4:
		filter->text = text[2];
		break;
	case 5:
		filter->field[INTAKE_PROFILE] = text[3];
		filter->field[INTAKE_REASON] = "ech";
		filter->field[INTAKE_DEVICE] = "box0";
		break;
	case 6:
		filter->address = text[1];
		filter->field[INTAKE_OUTCOME] = "bypassed";
		break;
	case 7: /* two that are common and never meet */
		filter->field[INTAKE_OUTCOME] = "inspected";
		filter->field[INTAKE_REASON] = "ech";
		break;
	case 8:
		filter->field[INTAKE_SNI] = "nobody.example";
		break;
	default: /* of one word in a thousand to one in three */
		(void)snprintf(text[2], 64, "site%u*", pick(state, 30));
		filter->text = text[2];
		break;
	}
}

static const char *const kinds[] = {"nothing",
                                    "outcome",
                                    "name",
                                    "address",
                                    "text",
                                    "profile, reason, device",
                                    "address, outcome",
                                    "two that never meet",
                                    "a name that is not there",
                                    "a beginning"};

static void ask(struct bench *b, unsigned kind)
{
	static uint64_t took[ASKED];
	uint64_t state = 88172645463325252ULL + kind;
	unsigned found = 0, early = 0;

	for (unsigned i = 0; i < ASKED; i++) {
		struct event_filter filter;
		char text[4][64], next[EVENT_CURSOR_MAX];
		unsigned here = 0;
		uint64_t began;

		fill(&filter, kind, &state, text);
		began = clock_now_ns();
		if (event_store_find(ingest_events(b->ingest), &filter, "", PAGE, count_one, &here,
		                     next) != 0)
			fail("a search failed");
		took[i] = clock_now_ns() - began;
		found += here;
		early += next[0] && here < PAGE;
	}
	qsort(took, ASKED, sizeof(*took), compare);
	(void)printf("| %s | %.1f | %.1f | %.1f | %.1f | %.0f %% |\n", kinds[kind],
	             (double)took[ASKED / 2] / 1e6, (double)took[ASKED * 99 / 100] / 1e6,
	             (double)took[ASKED - 1] / 1e6, (double)found / ASKED, 100.0 * early / ASKED);
	(void)fflush(stdout);
}

static void ask_all(struct bench *b)
{
	(void)printf("\n| by | p50 ms | p99 ms | worst ms | found | ended early |\n"
	             "|---|---|---|---|---|---|\n");
	for (unsigned kind = 0; kind < SL_ARRAY_LEN(kinds); kind++)
		ask(b, kind);
}

/* ---- the whole --------------------------------------------------------------------------- */

static void tell(const struct bench *b, uint64_t wall_ns, uint64_t cpu)
{
	struct rusage usage;
	double rows = (double)b->stored;

	(void)getrusage(RUSAGE_SELF, &usage);
	(void)printf("%.0f events in %.1f s: %.0f a second; %.2f s of CPU a second, %.2f of it to "
	             "write the lines; a batch of %u: %.1f ms, worst %.0f ms; %.0f bytes an event "
	             "on the disk; %ld MiB resident\n",
	             rows, (double)wall_ns / 1e9, rows / ((double)wall_ns / 1e9),
	             (double)cpu / (double)wall_ns, (double)b->generating_ns / (double)wall_ns,
	             b->batch, (double)b->took_ns / 1e6 / (double)b->batches,
	             (double)b->worst_ns / 1e6,
	             (double)event_store_day_size(ingest_events(b->ingest),
	                                          event_day_of(moment_now_ms())) /
	                     rows,
	             usage.ru_maxrss / 1024);
}

static void run(struct bench *b)
{
	pthread_t threads[DEVICES_MAX_HERE];
	struct device devices[DEVICES_MAX_HERE];
	uint64_t began = clock_now_ns(), cpu = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	bool asks = b->enough == 0;

	b->over = false;
	b->stored = b->generating_ns = b->worst_ns = b->batches = b->took_ns = 0;
	for (unsigned i = 0; i < b->devices; i++) {
		devices[i] = (struct device){
		        b, i, 0x9e3779b97f4a7c15ULL * (i + 1) ^ (asks ? 0x1234567 : 0)};
		if (pthread_create(&threads[i], NULL, run_device, &devices[i]) != 0)
			fail("no thread");
	}
	if (asks) {
		ask_all(b);
		b->over = true;
	}
	for (unsigned i = 0; i < b->devices; i++)
		(void)pthread_join(threads[i], NULL);
	if (!asks)
		tell(b, clock_now_ns() - began, cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	else
		(void)printf("\n%.0f events a second came meanwhile\n",
		             (double)b->stored / ((double)(clock_now_ns() - began) / 1e9));
}

static unsigned number_of(int argc, char **argv, int at, unsigned otherwise)
{
	return argc > at ? (unsigned)strtoul(argv[at], NULL, 10) : otherwise;
}

static int measure(int argc, char **argv, const char *connection)
{
	struct bench b = {.enough = number_of(argc, argv, 2, 1000000),
	                  .devices = number_of(argc, argv, 3, 4),
	                  .batch = number_of(argc, argv, 4, 2000),
	                  .rate = number_of(argc, argv, 5, 0)};
	struct problem problem = {0};
	struct ingest_options options = {.keep_days = 30};
	struct store *store;
	char days[4096];

	if (argc < 2 || b.enough == 0 || b.devices == 0 || b.devices > DEVICES_MAX_HERE ||
	    b.batch == 0)
		fail("usage: sms-events [--database CONNECTION] DIRECTORY [EVENTS [DEVICES [BATCH "
		     "[RATE]]]]");
	(void)mkdir(argv[1], 0700);
	(void)snprintf(days, sizeof(days), "%s/events", argv[1]);
	options.directory = days;
	if (store_open(argv[1], connection, 4, &store, &problem) != 0 ||
	    ingest_open(store, &options, &b.ingest, &problem) != 0)
		fail(problem.count ? problem.items[0].text : "the directory cannot be used");
	run(&b);
	ask_all(&b);
	b.enough = 0;
	b.rate = 5000;
	run(&b);
	ingest_close(b.ingest);
	store_close(store);
	return 0;
}

int main(int argc, char **argv)
{
	int skip = argc > 2 && strcmp(argv[1], "--database") == 0 ? 2 : 0;

	return measure(argc - skip, argv + skip, skip ? argv[2] : NULL);
}
