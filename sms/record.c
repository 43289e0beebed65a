/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the server that are changed a value at a time: as they are, with what was given. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/pki/file.h"
#include "sms/sms.h"

enum { POLL_MS = 500, NS_PER_MS = 1000000 };

static enum sms_exit no_memory(void)
{
	return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
}

static enum sms_exit get(struct sms *sms, const char *path, json_t **ret_record,
                         char ret_revision[LINK_ETAG_MAX])
{
	struct link_answer answer;
	enum sms_exit status =
	        sms_call(sms, &(struct link_request){.method = "GET", .path = path}, &answer);

	if (status != SMS_OK)
		return status;
	*ret_record = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	(void)snprintf(ret_revision, LINK_ETAG_MAX, "%s", answer.etag);
	link_answer_fini(&answer);
	return json_is_object(*ret_record)
	               ? SMS_OK
	               : sms_fail(SMS_REFUSED, "the server's answer is no object");
}

static enum sms_exit put(struct sms *sms, const char *path, const json_t *body,
                         const char *revision)
{
	return sms_call_show(sms, &(struct link_request){.method = "PUT",
	                                                 .path = path,
	                                                 .body = (json_t *)body,
	                                                 .if_match = revision});
}

enum sms_exit sms_record_set(struct sms *sms, const char *path, const struct sms_record *record,
                             const json_t *arguments)
{
	char seen[LINK_ETAG_MAX], revision[LINK_ETAG_MAX];
	json_t *now = NULL, *body = json_object();
	bool given = sms_argument(arguments, "revision") != NULL;
	enum sms_exit status = get(sms, path, &now, seen);

	for (size_t i = 0; status == SMS_OK && record->kept[i]; i++)
		if (json_object_get(now, record->kept[i]))
			(void)json_object_set(body, record->kept[i],
			                      json_object_get(now, record->kept[i]));
	if (status == SMS_OK)
		status = record->fill(body, arguments);
	if (status == SMS_OK && given)
		status = sms_revision(sms, arguments, record->kind, revision);
	if (status == SMS_OK)
		status = put(sms, path, body, given ? revision : seen);
	json_decref(now);
	json_decref(body);
	return status;
}

enum sms_exit sms_record_add(struct sms *sms, const struct sms_record *record,
                             const json_t *arguments)
{
	json_t *body = json_pack("{s:O}", "name", json_object_get(arguments, "name"));
	enum sms_exit status = body ? record->fill(body, arguments) : no_memory();

	if (status == SMS_OK)
		status = sms_call_show(sms, &(struct link_request){.method = "POST",
		                                                   .path = record->collection,
		                                                   .body = body});
	json_decref(body);
	return status;
}

enum sms_exit sms_record_drop(struct sms *sms, const char *path, const struct sms_record *record,
                              const json_t *arguments)
{
	char revision[LINK_ETAG_MAX];
	enum sms_exit status = sms_revision(sms, arguments, record->kind, revision);

	return status ? status
	              : sms_call_show(sms, &(struct link_request){.method = "DELETE",
	                                                          .path = path,
	                                                          .if_match = revision});
}

static enum sms_exit wait_while(struct sms *sms, const char *path, const char *flag)
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
	} while (status == SMS_OK && json_is_true(json_object_get(now, flag)));
	if (status == SMS_OK) {
		sms_print(sms, now);
		status = json_object_get(now, "error") ? SMS_REFUSED : SMS_OK;
	}
	json_decref(now);
	return status;
}

enum sms_exit sms_record_order(struct sms *sms, const char *path, const struct sms_record *record,
                               const char *name)
{
	char *order_path = sms_path(record->kind, name, record->order);
	struct link_request request = {.method = "POST", .path = order_path};
	struct link_answer answer;
	enum sms_exit status = order_path ? sms_call(sms, &request, &answer) : no_memory();

	free(order_path);
	if (status != SMS_OK)
		return status;
	link_answer_fini(&answer);
	return wait_while(sms, path, record->ordered);
}

enum sms_exit sms_put_pem(json_t *body, const char *key, const char *path)
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
	return json_object_set_new(body, key, text) == 0 ? SMS_OK : no_memory();
}
