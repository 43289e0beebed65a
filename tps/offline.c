/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What still works with the daemon dead: counters are in a file that anyone may read, and layer-2
 * fallback is one value in a pinned map (R157). The wire itself has fallen back by then; what is
 * written here makes it stay so when the daemon is started again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/event/counter.h"
#include "tps/pinned.h"
#include "tps/render.h"
#include "tps/run.h"

static bool show_group(struct tps *tps, const struct cli_command *command, const json_t *arguments,
                       enum tps_exit *ret_status)
{
	struct render render = {.out = stdout, .json = tps->json};
	const char *group = json_string_value(json_object_get(arguments, "group"));
	struct counter_file *file;
	json_t *object;
	char path[128];

	(void)snprintf(path, sizeof(path), "/run/sluice/%s/counters", tps->instance);
	if (counter_file_open(path, &file) != 0)
		return false;
	object = json_object();
	for (unsigned i = 0; i < COUNTER_END; i++)
		if (strcmp(counter_group((enum counter)i), group) == 0)
			(void)json_object_set_new(
			        object, counter_name((enum counter)i),
			        json_integer((json_int_t)counter_sum(file, (enum counter)i)));
	counter_file_close(file);
	(void)fputs("tps: no daemon is there; these are the last values it wrote\n", stderr);
	render_data(&render, command, object);
	json_decref(object);
	*ret_status = TPS_OK;
	return true;
}

static int write_all(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t len = (ssize_t)strlen(text);
	int rc = SL_ESYS;

	if (fd < 0)
		return SL_ESYS;
	if (write(fd, text, (size_t)len) == len && fsync(fd) == 0)
		rc = 0;
	(void)close(fd);
	return rc;
}

/* The daemon must be able to read and replace it: same owner as its directory. */
static int keep_panic(const char *instance, uint64_t until_us)
{
	char directory[96], path[128], text[160];
	struct stat st;

	(void)snprintf(directory, sizeof(directory), "/var/lib/sluice/%s", instance);
	(void)snprintf(path, sizeof(path), "%s/panic", directory);
	(void)snprintf(
	        text, sizeof(text),
	        "{\"step\":3,\"entries\":[{\"step\":3,\"what\":\"\",\"value\":\"\",\"until_us\":"
	        "%llu}]}",
	        (unsigned long long)until_us);
	if (stat(directory, &st) != 0 || write_all(path, text) != 0)
		return SL_ESYS;
	return chown(path, st.st_uid, st.st_gid) == 0 ? 0 : SL_ESYS;
}

static enum tps_exit fallback(struct tps *tps, const json_t *arguments)
{
	const char *for_text = json_string_value(json_object_get(arguments, "for"));
	uint64_t for_ms = 0;
	int rc;

	if (for_text && cli_duration_parse(for_text, &for_ms) != 0) {
		(void)fputs("tps: a duration is a number with s, m, h or d behind it\n", stderr);
		return TPS_USAGE;
	}
	if (geteuid() != 0) {
		(void)fputs("tps: no daemon is there, and only root may set fallback without it\n",
		            stderr);
		return TPS_NOT_PERMITTED;
	}
	rc = keep_panic(tps->instance, for_ms ? clock_wall_us() + for_ms * 1000 : 0);
	if (rc == 0)
		rc = tps_pinned_fallback(tps->instance, true);
	if (rc != 0 && rc != SL_ENOENT) {
		(void)fprintf(stderr, "tps: fallback cannot be set: %s\n", strerror(errno));
		return TPS_REFUSED;
	}
	(void)printf("layer-2 fallback is set; the daemon finds it so when it starts\n%s",
	             rc == SL_ENOENT
	                     ? "no map is pinned for this instance: nothing of it is on the "
	                       "wire now\n"
	                     : "");
	return TPS_OK;
}

static enum tps_exit clear(struct tps *tps)
{
	char path[128];
	int rc;

	if (geteuid() != 0) {
		(void)fputs("tps: no daemon is there, and only root may clear panic without it\n",
		            stderr);
		return TPS_NOT_PERMITTED;
	}
	(void)snprintf(path, sizeof(path), "/var/lib/sluice/%s/panic", tps->instance);
	rc = unlink(path) == 0 || errno == ENOENT ? 0 : SL_ESYS;
	if (rc == 0)
		rc = tps_pinned_fallback(tps->instance, false);
	if (rc != 0 && rc != SL_ENOENT) {
		(void)fprintf(stderr, "tps: panic cannot be cleared: %s\n", strerror(errno));
		return TPS_REFUSED;
	}
	(void)puts("panic mode is off; without a daemon the wire forwards all the same");
	return TPS_OK;
}

bool tps_offline(struct tps *tps, const struct cli_command *command, json_t *arguments,
                 enum tps_exit *ret_status)
{
	switch (command->id) {
	case CLI_DEBUG_STATS:
		return show_group(tps, command, arguments, ret_status);
	case CLI_PANIC_FALLBACK:
		*ret_status = fallback(tps, arguments);
		return true;
	case CLI_PANIC_CLEAR:
		*ret_status = clear(tps);
		return true;
	default:
		return false;
	}
}
