/* SPDX-License-Identifier: Apache-2.0 */
/* Where packages come from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/pki/file.h"
#include "sms/sms.h"

#define SOURCE "package-source"

enum { POLL_MS = 500, NS_PER_MS = 1000000 };

static enum sms_exit no_memory(void)
{
	return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
}

static enum sms_exit put_ca(json_t *body, const char *path)
{
	struct pki_error err;
	struct pki_file file;
	json_t *text;

	if (pki_file_read(path, false, &file, &err) != 0)
		return sms_fail(SMS_USAGE, "%s", err.text);
	text = json_stringn((const char *)file.data, file.len);
	pki_file_fini(&file);
	if (!text)
		return sms_fail(SMS_USAGE, "%s is no PEM", path);
	return json_object_set_new(body, "ca", text) == 0 ? SMS_OK : no_memory();
}

/* What is given goes into the body. */
static enum sms_exit fill(json_t *body, const json_t *arguments)
{
	const char *automatic = sms_argument(arguments, "automatic");
	const char *ca = sms_argument(arguments, "ca");
	enum sms_exit status = SMS_OK;

	if (sms_argument(arguments, "address"))
		(void)json_object_set(body, "address", json_object_get(arguments, "address"));
	if (automatic)
		(void)json_object_set_new(
		        body, "automatic",
		        strcmp(automatic, "none") == 0 ? json_array() : sms_split(automatic, ','));
	if (sms_argument(arguments, "minutes"))
		status = sms_put_number(body, arguments, "minutes");
	return status == SMS_OK && ca ? put_ca(body, ca) : status;
}

static enum sms_exit add(struct sms *sms, const json_t *arguments)
{
	json_t *body = json_pack("{s:O}", "name", json_object_get(arguments, "name"));
	enum sms_exit status = body ? fill(body, arguments) : no_memory();

	if (status == SMS_OK)
		status = sms_call_show(sms, &(struct link_request){.method = "POST",
		                                                   .path = "/package-sources",
		                                                   .body = body});
	json_decref(body);
	return status;
}

/* As it is now. */
static enum sms_exit get(struct sms *sms, const char *path, json_t **ret_source,
                         char ret_revision[LINK_ETAG_MAX])
{
	struct link_answer answer;
	enum sms_exit status =
	        sms_call(sms, &(struct link_request){.method = "GET", .path = path}, &answer);

	if (status != SMS_OK)
		return status;
	*ret_source = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	(void)snprintf(ret_revision, LINK_ETAG_MAX, "%s", answer.etag);
	link_answer_fini(&answer);
	return json_is_object(*ret_source)
	               ? SMS_OK
	               : sms_fail(SMS_REFUSED, "the server's answer is no source");
}

/* All that was there but what is given. */
static enum sms_exit set(struct sms *sms, const char *path, const json_t *arguments)
{
	static const char *const kept[] = {"address", "ca", "minutes", "automatic"};
	char seen[LINK_ETAG_MAX], revision[LINK_ETAG_MAX];
	json_t *now = NULL, *body = json_object();
	enum sms_exit status = get(sms, path, &now, seen);

	for (size_t i = 0; status == SMS_OK && i < SL_ARRAY_LEN(kept); i++)
		if (json_object_get(now, kept[i]))
			(void)json_object_set(body, kept[i], json_object_get(now, kept[i]));
	if (status == SMS_OK)
		status = fill(body, arguments);
	if (status == SMS_OK && sms_argument(arguments, "revision"))
		status = sms_revision(sms, arguments, SOURCE, revision);
	if (status == SMS_OK)
		status = sms_call_show(
		        sms, &(struct link_request){.method = "PUT",
		                                    .path = path,
		                                    .body = body,
		                                    .if_match = sms_argument(arguments, "revision")
		                                                        ? revision
		                                                        : seen});
	json_decref(now);
	json_decref(body);
	return status;
}

static enum sms_exit drop(struct sms *sms, const char *path, const json_t *arguments)
{
	char revision[LINK_ETAG_MAX];
	enum sms_exit status = sms_revision(sms, arguments, SOURCE, revision);

	return status ? status
	              : sms_call_show(sms, &(struct link_request){.method = "DELETE",
	                                                          .path = path,
	                                                          .if_match = revision});
}

/* Until it has been looked at; what was wrong is the exit status, too. */
static enum sms_exit wait_for(struct sms *sms, const char *path)
{
	static const struct timespec pause = {.tv_nsec = POLL_MS * NS_PER_MS};
	char revision[LINK_ETAG_MAX];
	enum sms_exit status = SMS_OK;
	json_t *now = NULL;

	do {
		json_decref(now);
		now = NULL;
		(void)nanosleep(&pause, NULL);
		status = get(sms, path, &now, revision);
	} while (status == SMS_OK && json_is_true(json_object_get(now, "checking")));
	if (status == SMS_OK) {
		sms_print(sms, now);
		status = json_object_get(now, "error") ? SMS_REFUSED : SMS_OK;
	}
	json_decref(now);
	return status;
}

static enum sms_exit check(struct sms *sms, const char *path, const char *name)
{
	char *check_path = sms_path(SOURCE, name, "/check");
	struct link_request request = {.method = "POST", .path = check_path};
	struct link_answer answer;
	enum sms_exit status = check_path ? sms_call(sms, &request, &answer) : no_memory();

	free(check_path);
	if (status != SMS_OK)
		return status;
	link_answer_fini(&answer);
	return wait_for(sms, path);
}

enum sms_exit sms_package_source(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const columns[] = {"name",    "address", "minutes", "automatic",
	                                      "checked", "error",   NULL};
	const char *name = sms_argument(arguments, "name");
	enum sms_exit status;
	char *path;

	if (command == SMS_PACKAGE_SOURCE_LIST)
		return sms_show_list(sms, "/package-sources", columns);
	if (command == SMS_PACKAGE_SOURCE_ADD)
		return add(sms, arguments);
	path = sms_path(SOURCE, name, NULL);
	if (!path)
		return no_memory();
	if (command == SMS_PACKAGE_SOURCE_SET)
		status = set(sms, path, arguments);
	else if (command == SMS_PACKAGE_SOURCE_DELETE)
		status = drop(sms, path, arguments);
	else if (command == SMS_PACKAGE_SOURCE_CHECK)
		status = check(sms, path, name);
	else
		status = sms_call_show(sms, &(struct link_request){.method = "GET", .path = path});
	free(path);
	return status;
}
