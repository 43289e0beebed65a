/* SPDX-License-Identifier: Apache-2.0 */
/* A thread, a bounded list of descriptors, a condition. */
#include "lib/event/syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/thread.h"

struct syncer {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	uint64_t submitted; /* the caller's thread alone */
	/* Under the mutex: */
	int fds[SYNCER_FILES_MAX];
	unsigned count;
	uint64_t done;
	int error;
	bool ending;
};

static void sync_all(struct syncer *s, const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int error = fdatasync(fds[i]) == 0 ? 0 : errno;

		(void)close(fds[i]);
		(void)pthread_mutex_lock(&s->mutex);
		s->done++;
		if (error != 0)
			s->error = error;
		(void)pthread_mutex_unlock(&s->mutex);
	}
}

static void *run(void *arg)
{
	struct syncer *s = arg;
	int fds[SYNCER_FILES_MAX];
	unsigned count;
	bool ending;

	do {
		(void)pthread_mutex_lock(&s->mutex);
		while (s->count == 0 && !s->ending)
			(void)pthread_cond_wait(&s->wake, &s->mutex);
		count = s->count;
		memcpy(fds, s->fds, count * sizeof(fds[0]));
		s->count = 0;
		ending = s->ending;
		(void)pthread_mutex_unlock(&s->mutex);
		sync_all(s, fds, count);
	} while (!ending || count > 0);
	return NULL;
}

struct syncer *syncer_create(void)
{
	struct syncer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	(void)pthread_mutex_init(&s->mutex, NULL);
	(void)pthread_cond_init(&s->wake, NULL);
	if (thread_begin(run, s, &s->thread) == 0)
		return s;
	free(s);
	return NULL;
}

void syncer_destroy(struct syncer *syncer)
{
	if (!syncer)
		return;
	(void)pthread_mutex_lock(&syncer->mutex);
	syncer->ending = true;
	(void)pthread_cond_signal(&syncer->wake);
	(void)pthread_mutex_unlock(&syncer->mutex);
	(void)pthread_join(syncer->thread, NULL);
	(void)pthread_cond_destroy(&syncer->wake);
	(void)pthread_mutex_destroy(&syncer->mutex);
	free(syncer);
}

int syncer_submit(struct syncer *syncer, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	bool taken;

	if (copy < 0)
		return SL_ESYS;
	(void)pthread_mutex_lock(&syncer->mutex);
	taken = syncer->count < SYNCER_FILES_MAX;
	if (taken) {
		syncer->fds[syncer->count++] = copy;
		(void)pthread_cond_signal(&syncer->wake);
	}
	(void)pthread_mutex_unlock(&syncer->mutex);
	if (taken) {
		syncer->submitted++;
		return 0;
	}
	(void)close(copy);
	return SL_EAGAIN;
}

uint64_t syncer_submitted(const struct syncer *syncer)
{
	return syncer->submitted;
}

uint64_t syncer_done(struct syncer *syncer)
{
	uint64_t done;

	(void)pthread_mutex_lock(&syncer->mutex);
	done = syncer->done;
	(void)pthread_mutex_unlock(&syncer->mutex);
	return done;
}

int syncer_take_error(struct syncer *syncer)
{
	int error;

	(void)pthread_mutex_lock(&syncer->mutex);
	error = syncer->error;
	syncer->error = 0;
	(void)pthread_mutex_unlock(&syncer->mutex);
	return error;
}
