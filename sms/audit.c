/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: a page to look at, or all of it into a file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "sms/file.h"
#include "sms/sms.h"

/* A page that is looked at, and one of an export; the server takes 20 requests a second. */
#define SHOWN    "100"
#define EXPORTED "1000"

enum { PATH_LEN = 128, BETWEEN_MS = 60 };

static void path_of(char path[PATH_LEN], const char *before, const char *limit)
{
	(void)snprintf(path, PATH_LEN, "/audit?limit=%.20s%s%.20s", limit, before ? "&before=" : "",
	               before ? before : "");
}

/* A line a row; *ret_oldest is the last one's id, 0 past the end. */
static enum sms_exit write_rows(const json_t *rows, FILE *out, json_int_t *ret_oldest)
{
	json_t *row;
	size_t i;

	*ret_oldest = 0;
	json_array_foreach(rows, i, row)
	{
		*ret_oldest = json_integer_value(json_object_get(row, "id"));
		if (json_dumpf(row, out, JSON_COMPACT) != 0 || fputc('\n', out) == EOF)
			return sms_fail(SMS_REFUSED, "it cannot be written: %s", strerror(errno));
	}
	return SMS_OK;
}

static enum sms_exit write_page(struct sms *sms, const char *path, FILE *out,
                                json_int_t *ret_oldest)
{
	struct link_answer answer;
	enum sms_exit status =
	        sms_call(sms, &(struct link_request){.method = "GET", .path = path}, &answer);
	json_t *page;

	if (status != SMS_OK)
		return status;
	page = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	link_answer_fini(&answer);
	if (!json_is_array(json_object_get(page, "items")))
		status = sms_fail(SMS_REFUSED, "the server's answer is no list");
	else
		status = write_rows(json_object_get(page, "items"), out, ret_oldest);
	json_decref(page);
	return status;
}

/* Newest first; what comes meanwhile is newer than the first page. */
static enum sms_exit export_all(struct sms *sms, const char *before, const char *name)
{
	static const struct timespec between = {.tv_nsec = BETWEEN_MS * 1000000L};
	char path[PATH_LEN], id[24];
	enum sms_exit status = SMS_OK;
	json_int_t oldest = 1;
	FILE *out = file_create(name);

	if (!out)
		return SMS_REFUSED;
	while (status == SMS_OK && oldest > 0) {
		path_of(path, before, EXPORTED);
		status = write_page(sms, path, out, &oldest);
		(void)snprintf(id, sizeof(id), "%" JSON_INTEGER_FORMAT, oldest);
		before = id;
		(void)nanosleep(&between, NULL);
	}
	if (fclose(out) != 0 && status == SMS_OK)
		status = sms_fail(SMS_REFUSED, "%s: %s", name, strerror(errno));
	return status;
}

enum sms_exit sms_audit(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const keys[] = {"id",     "time", "who",  "from", "via",
	                                   "action", "kind", "name", NULL};
	const char *before = sms_argument(arguments, "before");
	const char *limit = sms_argument(arguments, "limit");
	const char *file = sms_argument(arguments, "export");
	char path[PATH_LEN];

	(void)command;
	if (!sms_is_number(before) || !sms_is_number(limit))
		return sms_fail(SMS_USAGE, "--before and --limit are whole numbers");
	if (file)
		return export_all(sms, before, file);
	path_of(path, before, limit ? limit : SHOWN);
	return sms_show_list(sms, path, keys);
}
