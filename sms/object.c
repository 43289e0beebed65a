/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as they are: list, show, history, delete. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "lib/base/err.h"
#include "sms/sms.h"

enum { PAGE = 1000 };

/* What a table of text has room for; --json has all. */
static const char *const columns[] = {"name",    "status", "subject",  "not_after", "days_left",
                                      "content", "size",   "revision", "changed",   NULL};

static enum sms_exit no_memory(void)
{
	return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
}

enum sms_exit sms_put_number(json_t *body, const json_t *arguments, const char *key)
{
	const char *text = sms_argument(arguments, key);
	char *end;
	long long number;

	if (!text)
		return SMS_OK;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < 0)
		return sms_fail(SMS_USAGE, "--%s is a whole number", key);
	(void)json_object_set_new(body, key, json_integer(number));
	return SMS_OK;
}

/* ---- lists ------------------------------------------------------------------------------- */

static json_t *narrow(const json_t *row, const char *const *keys)
{
	json_t *out = json_object();

	for (; *keys; keys++) {
		json_t *value = json_object_get(row, *keys);

		if (value)
			(void)json_object_set(out, *keys, value);
	}
	return out;
}

static void print_list(const struct sms *sms, const json_t *items, const char *const *keys)
{
	json_t *narrowed = json_array(), *row;
	size_t i;

	json_array_foreach(items, i, row)
	{
		(void)json_array_append_new(narrowed, narrow(row, keys));
	}
	sms_print(sms, sms->json ? items : narrowed);
	json_decref(narrowed);
}

/* One page: its rows to `items`; *ret_next is where the next begins, to be freed; NULL at the end.
 */
static enum sms_exit add_page(struct sms *sms, const char *path, json_t *items, char **ret_next)
{
	struct link_answer answer;
	enum sms_exit status =
	        sms_call(sms, &(struct link_request){.method = "GET", .path = path}, &answer);
	const char *next;
	json_t *data, *rows;

	*ret_next = NULL;
	if (status != SMS_OK)
		return status;
	data = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	rows = json_is_array(data) ? data : json_object_get(data, "items");
	next = json_string_value(json_object_get(data, "next"));
	if (!json_is_array(rows))
		status = sms_fail(SMS_REFUSED, "the server's answer is no list");
	else if (json_array_extend(items, rows) != 0)
		status = no_memory();
	else if (next && next[0])
		*ret_next = strdup(next);
	json_decref(data);
	link_answer_fini(&answer);
	return status;
}

static char *page_path(const char *path, const char *after)
{
	char *escaped = curl_easy_escape(NULL, after, 0), *page = NULL;

	if (escaped &&
	    asprintf(&page, "%s?limit=%d%s%s", path, PAGE, after[0] ? "&after=" : "", escaped) < 0)
		page = NULL;
	curl_free(escaped);
	return page;
}

/* All pages of a collection. */
static enum sms_exit add_all(struct sms *sms, const char *collection, json_t *items)
{
	char *after = strdup(""), *next;
	enum sms_exit status = SMS_OK;

	while (after && status == SMS_OK) {
		char *path = page_path(collection, after);

		status = path ? add_page(sms, path, items, &next) : no_memory();
		free(path);
		free(after);
		after = status == SMS_OK ? next : NULL;
	}
	return status;
}

enum sms_exit sms_show_list(struct sms *sms, const char *path, const char *const *keys)
{
	json_t *items = json_array();
	char *next = NULL;
	enum sms_exit status = items ? add_page(sms, path, items, &next) : no_memory();

	free(next);
	if (status == SMS_OK && keys)
		print_list(sms, items, keys);
	else if (status == SMS_OK)
		sms_print(sms, items);
	json_decref(items);
	return status;
}

enum sms_exit sms_show_all(struct sms *sms, const char *collection, const char *const *keys)
{
	json_t *items = json_array();
	enum sms_exit status = items ? add_all(sms, collection, items) : no_memory();

	if (status == SMS_OK)
		print_list(sms, items, keys);
	json_decref(items);
	return status;
}

enum sms_exit sms_list(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	char *collection = sms_path(sms_argument(arguments, "kind"), NULL, NULL);
	enum sms_exit status = collection ? sms_show_all(sms, collection, columns) : no_memory();

	(void)command;
	free(collection);
	return status;
}

bool sms_is_number(const char *text)
{
	return !text || (text[0] && strspn(text, "0123456789") == strlen(text));
}

/* ---- one object -------------------------------------------------------------------------- */

enum sms_exit sms_show(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	char *path =
	        sms_path(sms_argument(arguments, "kind"), sms_argument(arguments, "name"), NULL);
	enum sms_exit status =
	        path ? sms_call_show(sms, &(struct link_request){.method = "GET", .path = path})
	             : no_memory();

	(void)command;
	free(path);
	return status;
}

enum sms_exit sms_history(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const keys[] = {"revision", "time", "who", "action", "comment", NULL};
	const char *limit = sms_argument(arguments, "limit");
	char rest[64];
	enum sms_exit status;
	char *path;

	(void)command;
	if (!sms_is_number(limit))
		return sms_fail(SMS_USAGE, "--limit is a whole number");
	(void)snprintf(rest, sizeof(rest), "/history%s%.20s", limit ? "?limit=" : "",
	               limit ? limit : "");
	path = sms_path(sms_argument(arguments, "kind"), sms_argument(arguments, "name"), rest);
	status = path ? sms_show_list(sms, path, keys) : no_memory();
	free(path);
	return status;
}

enum sms_exit sms_delete(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const char *kind = sms_argument(arguments, "kind");
	char revision[LINK_ETAG_MAX];
	enum sms_exit status = sms_revision(sms, arguments, kind, revision);
	char *path;

	(void)command;
	if (status != SMS_OK)
		return status;
	path = sms_path(kind, sms_argument(arguments, "name"), NULL);
	status = path ? sms_call_show(sms, &(struct link_request){.method = "DELETE",
	                                                          .path = path,
	                                                          .if_match = revision})
	              : no_memory();
	free(path);
	return status;
}
