/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of the load program in the modes that measure a time. One thread alone would be the
 * slowest of all that take part: while it works off what came at once, the peer has nothing to do.
 */
#include "bench/load.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct team {
	pthread_barrier_t together;
	unsigned members;
	struct member {
		struct team *team;
		struct load load;
		pthread_t thread;
	} member[LOAD_THREADS_MAX];
};

/* Each begins its warm-up when all are ready, so they end it within a turn of each other. */
static void *work(void *arg)
{
	struct member *member = arg;

	load_run_before(&member->load);
	pthread_barrier_wait(&member->team->together);
	load_run_warm_up(&member->load);
	if (member == &member->team->member[0])
		load_say("begin");
	load_run_measured(&member->load);
	return NULL;
}

static unsigned members_of(const struct load_options *opt)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned members = cores < 1 ? 1 : (unsigned)cores;

	if (members > LOAD_THREADS_MAX)
		members = LOAD_THREADS_MAX;
	return members < opt->connections ? members : opt->connections;
}

static int make(struct team *team, const struct load_options *opt)
{
	unsigned members = members_of(opt);

	if (pthread_barrier_init(&team->together, NULL, members))
		return -ENOMEM;
	for (unsigned i = 0; i < members; i++) {
		team->member[i].team = team;
		team->members = i + 1;
		if (load_start(&team->member[i].load, opt, i, members) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void unmake(struct team *team)
{
	for (unsigned i = 0; i < team->members; i++)
		load_finish(&team->member[i].load);
	free(team);
}

int load_threads_run(const struct load_options *opt)
{
	struct team *team = calloc(1, sizeof(*team));
	struct load_stat *sum = team ? &team->member[0].load.stat : NULL;
	int rc = team ? make(team, opt) : -ENOMEM;

	for (unsigned i = 0; rc == 0 && i < team->members; i++) {
		/* Those that run already would wait at the barrier for ever. */
		if (pthread_create(&team->member[i].thread, NULL, work, &team->member[i]))
			abort();
	}
	for (unsigned i = 0; rc == 0 && i < team->members; i++) {
		pthread_join(team->member[i].thread, NULL);
		if (i > 0)
			stat_add(sum, &team->member[i].load.stat);
	}
	if (rc == 0)
		stat_print(sum, stdout);
	if (team)
		unmake(team);
	return rc;
}
