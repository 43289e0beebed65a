/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link of the lab with a length and faults: joins two interfaces of its namespace, and delays,
 * loses, doubles and reorders the frames between them by a seeded random sequence. It stands
 * between the box and a host (lab/lab up --link-a / --link-b), since a kernel need not have netem.
 * What it holds is bounded by --limit frames; more are dropped and counted, as a router does.
 * One thread.
 */
#include "lab/frame.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/socket.h>

#define PPM 1000000u

enum { LIMIT_DEFAULT = 4096, LIMIT_MAX = 65536, BURST = 64 };

struct held {
	uint64_t due_ns;
	uint64_t order; /* arrival number: equal times leave as they came */
	size_t len;
	int to; /* descriptor it leaves by */
	uint8_t data[FRAME_MAX];
};

struct counts {
	uint64_t received, sent, lost, doubled, reordered, over_limit, oversize, unfinished, failed;
};

struct side {
	const char *device;
	int fd;
	struct counts counts;
};

struct link {
	struct side side[2];
	uint64_t delay_ns, jitter_ns, gap_ns; /* gap: how far a reordered frame falls behind */
	uint32_t loss_ppm, reorder_ppm, double_ppm;
	uint64_t random; /* xorshift state, never 0 */
	uint64_t arrivals;
	struct held *slots;
	uint32_t *heap; /* slot numbers by due time, then the free ones */
	size_t limit, used;
	struct frame frame;
};

static uint64_t next_random(struct link *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random;
}

static bool chance(struct link *l, uint32_t ppm)
{
	return next_random(l) % PPM < ppm;
}

static bool earlier(const struct link *l, size_t a, size_t b)
{
	const struct held *x = &l->slots[l->heap[a]], *y = &l->slots[l->heap[b]];

	return x->due_ns != y->due_ns ? x->due_ns < y->due_ns : x->order < y->order;
}

static void swap(struct link *l, size_t a, size_t b)
{
	uint32_t slot = l->heap[a];

	l->heap[a] = l->heap[b];
	l->heap[b] = slot;
}

static void sift_up(struct link *l, size_t at)
{
	for (; at > 0 && earlier(l, at, (at - 1) / 2); at = (at - 1) / 2)
		swap(l, at, (at - 1) / 2);
}

static void sift_down(struct link *l, size_t at)
{
	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < l->used; child++) {
			if (earlier(l, child, least))
				least = child;
		}
		if (least == at)
			return;
		swap(l, at, least);
		at = least;
	}
}

static void hold(struct link *l, struct side *from, const struct side *to, uint64_t due_ns)
{
	struct held *h;

	if (l->used == l->limit) {
		from->counts.over_limit++;
		return;
	}
	h = &l->slots[l->heap[l->used]];
	h->due_ns = due_ns;
	h->order = l->arrivals++;
	h->to = to->fd;
	h->len = l->frame.len;
	memcpy(h->data, l->frame.data, h->len);
	sift_up(l, l->used++);
}

static void take_in(struct link *l, struct side *from, const struct side *to)
{
	uint64_t due_ns = frame_now_ns() + l->delay_ns;

	from->counts.received++;
	from->counts.unfinished += l->frame.unfinished;
	if (l->frame.oversize) {
		from->counts.oversize++;
		return;
	}
	if (chance(l, l->loss_ppm)) {
		from->counts.lost++;
		return;
	}
	if (l->jitter_ns)
		due_ns += next_random(l) % l->jitter_ns;
	if (chance(l, l->reorder_ppm)) {
		from->counts.reordered++;
		due_ns += l->gap_ns;
	}
	hold(l, from, to, due_ns);
	if (chance(l, l->double_ppm)) {
		from->counts.doubled++;
		hold(l, from, to, due_ns);
	}
}

static void send_due(struct link *l)
{
	uint64_t now = frame_now_ns();

	while (l->used > 0 && l->slots[l->heap[0]].due_ns <= now) {
		const struct held *h = &l->slots[l->heap[0]];
		struct counts *counts = &l->side[h->to == l->side[0].fd].counts;

		if (send(h->to, h->data, h->len, 0) == (ssize_t)h->len)
			counts->sent++;
		else
			counts->failed++;
		swap(l, 0, --l->used);
		sift_down(l, 0);
	}
}

static int receive_burst(struct link *l, struct side *from, const struct side *to)
{
	int got = 0;

	for (int i = 0; i < BURST && (got = frame_receive(from->fd, &l->frame)) > 0; i++)
		take_in(l, from, to);
	return got;
}

static int run(struct link *l)
{
	struct pollfd polled[2] = {{.fd = l->side[0].fd, .events = POLLIN},
	                           {.fd = l->side[1].fd, .events = POLLIN}};
	sigset_t none; /* signals come in only while waiting, so none is missed */

	sigemptyset(&none);
	while (!frame_stopping) {
		uint64_t now = frame_now_ns(), due = l->used ? l->slots[l->heap[0]].due_ns : 0;
		uint64_t wait = due > now ? due - now : 0;
		struct timespec patience = {(time_t)(wait / 1000000000u),
		                            (long)(wait % 1000000000u)};

		if (ppoll(polled, 2, l->used ? &patience : NULL, &none) < 0 && errno != EINTR)
			return -1;
		for (int i = 0; i < 2; i++) {
			if (receive_burst(l, &l->side[i], &l->side[!i]) < 0 && errno != ENETDOWN)
				return -1;
		}
		send_due(l);
	}
	return 0;
}

static void print_counts(const struct side *s)
{
	const struct counts *c = &s->counts;

	fprintf(stderr,
	        "delay: from %s: received %llu sent %llu lost %llu doubled %llu reordered %llu "
	        "over_limit %llu oversize %llu unfinished_checksum %llu failed %llu\n",
	        s->device, (unsigned long long)c->received, (unsigned long long)c->sent,
	        (unsigned long long)c->lost, (unsigned long long)c->doubled,
	        (unsigned long long)c->reordered, (unsigned long long)c->over_limit,
	        (unsigned long long)c->oversize, (unsigned long long)c->unfinished,
	        (unsigned long long)c->failed);
}

/* "10ms", "500us", "1s"; exits with a message for anything else, or more than 10 s. */
static uint64_t parse_time(const char *name, const char *text)
{
	char *unit;
	double value = strtod(text, &unit);
	double scale = !strcmp(unit, "s")    ? 1e9
	               : !strcmp(unit, "ms") ? 1e6
	               : !strcmp(unit, "us") ? 1e3
	                                     : 0;

	if (unit == text || scale == 0 || !(value >= 0 && value * scale <= 10e9)) {
		fprintf(stderr, "delay: --%s %s: use a time up to 10s, with us, ms or s\n", name,
		        text);
		exit(2);
	}
	return (uint64_t)(value * scale);
}

/* Percent to parts in a million. */
static uint32_t parse_percent(const char *name, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0 && value <= 100)) {
		fprintf(stderr, "delay: --%s %s: use percent, 0 to 100\n", name, text);
		exit(2);
	}
	return (uint32_t)(value * 10000);
}

static uint64_t parse_number(const char *name, const char *text, uint64_t max)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (end == text || *end || value == 0 || value > max) {
		fprintf(stderr, "delay: --%s %s: use 1 to %llu\n", name, text,
		        (unsigned long long)max);
		exit(2);
	}
	return value;
}

static void usage(void)
{
	fputs("usage: delay --a IF --b IF [--delay T] [--jitter T] [--loss PERCENT]\n"
	      "  [--reorder PERCENT] [--gap T] [--duplicate PERCENT] [--seed N] [--limit FRAMES]\n"
	      "Joins two interfaces. Jitter may reorder too; a reordered frame comes --gap later\n"
	      "(3ms by default) than it would have. Counts go to stderr at the end.\n",
	      stderr);
	exit(2);
}

static void parse_options(struct link *l, int argc, char **argv)
{
	static const struct option options[] = {
	        {"a", 1, NULL, 'a'},      {"b", 1, NULL, 'b'},         {"delay", 1, NULL, 'd'},
	        {"jitter", 1, NULL, 'j'}, {"loss", 1, NULL, 'l'},      {"reorder", 1, NULL, 'r'},
	        {"gap", 1, NULL, 'g'},    {"duplicate", 1, NULL, 'u'}, {"seed", 1, NULL, 's'},
	        {"limit", 1, NULL, 'm'},  {NULL, 0, NULL, 0}};
	int got, index = 0;

	while ((got = getopt_long(argc, argv, "", options, &index)) != -1) {
		const char *name = got == '?' ? "" : options[index].name;

		switch (got) {
		case 'a':
			l->side[0].device = optarg;
			break;
		case 'b':
			l->side[1].device = optarg;
			break;
		case 'd':
			l->delay_ns = parse_time(name, optarg);
			break;
		case 'j':
			l->jitter_ns = parse_time(name, optarg);
			break;
		case 'g':
			l->gap_ns = parse_time(name, optarg);
			break;
		case 'l':
			l->loss_ppm = parse_percent(name, optarg);
			break;
		case 'r':
			l->reorder_ppm = parse_percent(name, optarg);
			break;
		case 'u':
			l->double_ppm = parse_percent(name, optarg);
			break;
		case 's':
			l->random = parse_number(name, optarg, UINT32_MAX);
			break;
		case 'm':
			l->limit = parse_number(name, optarg, LIMIT_MAX);
			break;
		default:
			usage();
		}
	}
	if (!l->side[0].device || !l->side[1].device || optind != argc)
		usage();
	// A small seed leaves xorshift's first numbers small; spread it over the word.
	l->random *= 0x9e3779b97f4a7c15u;
}

int main(int argc, char **argv)
{
	static struct link l = {.gap_ns = 3000000, .random = 1, .limit = LIMIT_DEFAULT};
	int status;

	parse_options(&l, argc, argv);
	frame_catch_signals();
	// The kernel may otherwise fire each timer 50 us late.
	prctl(PR_SET_TIMERSLACK, 1);
	l.slots = calloc(l.limit, sizeof(*l.slots));
	l.heap = calloc(l.limit, sizeof(*l.heap));
	for (int i = 0; i < 2; i++)
		l.side[i].fd = frame_open(l.side[i].device);
	if (!l.slots || !l.heap || l.side[0].fd < 0 || l.side[1].fd < 0)
		return 1;
	for (size_t i = 0; i < l.limit; i++)
		l.heap[i] = (uint32_t)i;
	status = run(&l);
	if (status)
		perror("delay");
	print_counts(&l.side[0]);
	print_counts(&l.side[1]);
	return status ? 1 : 0;
}
