/* SPDX-License-Identifier: Apache-2.0 */
/* A call of the API: which server, by what verified, as whom; and what a refusal looks like. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/print.h"
#include "sms/kind.h"
#include "sms/sms.h"

enum { NOT_FOUND = 404 };

/* What is in the file counts for its server only: another one gets no session of it and no trust.
 */
static void settle_server(struct sms *sms)
{
	if (!sms->server || strcmp(sms->server, sms->state.server) == 0)
		return;
	state_wipe(&sms->state);
	(void)snprintf(sms->state.server, sizeof(sms->state.server), "%s", sms->server);
}

static enum sms_exit open_link(struct sms *sms)
{
	struct link_options options;
	int rc;

	if (sms->link)
		return SMS_OK;
	settle_server(sms);
	options = (struct link_options){
	        .server = sms->state.server,
	        .ca = sms->ca                         ? sms->ca
	              : sms->state.ca[0] && !sms->pin ? sms->state.ca
	                                              : NULL,
	        .pin = sms->pin ? sms->pin : sms->state.pin,
	};
	if (!options.server[0])
		return sms_fail(SMS_USAGE, "which server? sms login --server https://NAME:PORT");
	if (!options.ca && !options.pin[0])
		return sms_fail(SMS_USAGE,
		                "what verifies the certificate of %s? log in first, or "
		                "give --ca FILE or --pin SHA256",
		                options.server);
	rc = link_open(&options, &sms->link);
	if (rc == SL_EINVAL)
		return sms_fail(SMS_USAGE, "a server is https://NAME:PORT, a pin is the SHA-256 of "
		                           "its certificate in hexadecimal digits");
	return rc == 0 ? SMS_OK : sms_fail(SMS_REFUSED, "%s", err_text(rc));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void tell_error(const json_t *error)
{
	(void)fputs("error: ", stderr);
	cli_print_text(stderr, text_of(error, "pointer"));
	(void)fputs(text_of(error, "pointer")[0] ? ": " : "", stderr);
	cli_print_text(stderr, text_of(error, "text"));
	(void)fputc('\n', stderr);
	if (text_of(error, "remedy")[0]) {
		(void)fputs("       ", stderr);
		cli_print_text(stderr, text_of(error, "remedy"));
		(void)fputc('\n', stderr);
	}
}

static enum sms_exit exit_of(long status)
{
	return status == 401 || status == 403 ? SMS_NOT_PERMITTED : SMS_REFUSED;
}

/* RFC 9457, as the API writes it. */
static enum sms_exit tell_refusal(const struct sms *sms, const struct link_answer *answer)
{
	json_t *problem = answer->is_json ? json_loadb((const char *)answer->body.data,
	                                               answer->body.len, 0, NULL)
	                                  : NULL;
	const json_t *errors = json_object_get(problem, "errors");
	json_t *error;
	size_t i;

	if (problem && sms->json) {
		(void)json_dumpf(problem, stderr, JSON_INDENT(2));
		(void)fputc('\n', stderr);
	} else {
		json_array_foreach(errors, i, error)
		{
			tell_error(error);
		}
		(void)sms_fail(SMS_REFUSED, "%s (%ld)",
		               problem ? text_of(problem, "title") : "the server refused",
		               answer->status);
	}
	json_decref(problem);
	return exit_of(answer->status);
}

enum sms_exit sms_call(struct sms *sms, const struct link_request *request,
                       struct link_answer *ret_answer)
{
	struct link_credentials credentials = {.token = getenv("SLUICE_TOKEN")};
	enum sms_exit status = open_link(sms);
	char why[LINK_TEXT_MAX];

	if (status != SMS_OK)
		return status;
	if (credentials.token && !credentials.token[0])
		credentials.token = NULL;
	if (strcmp(request->path, "/login") == 0)
		credentials.token = NULL;
	credentials.cookie = sms->state.cookie;
	credentials.csrf = sms->state.csrf;
	if (link_call(sms->link, request, &credentials, ret_answer, why) != 0)
		return sms_fail(SMS_NO_SERVER, "%s", why);
	if ((ret_answer->status >= 200 && ret_answer->status < 300) ||
	    (ret_answer->status == NOT_FOUND && request->may_miss))
		return SMS_OK;
	status = tell_refusal(sms, ret_answer);
	link_answer_fini(ret_answer);
	return status;
}

void sms_print(const struct sms *sms, const json_t *data)
{
	if (!sms->json) {
		cli_print(stdout, data);
		return;
	}
	(void)json_dumpf(data, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	(void)fputc('\n', stdout);
}

enum sms_exit sms_call_json(struct sms *sms, const struct link_request *request, json_t **ret_data)
{
	struct link_answer answer;
	enum sms_exit status = sms_call(sms, request, &answer);

	if (status != SMS_OK)
		return status;
	*ret_data = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	link_answer_fini(&answer);
	return *ret_data ? SMS_OK : sms_fail(SMS_REFUSED, "the server's answer is no JSON");
}

enum sms_exit sms_call_show(struct sms *sms, const struct link_request *request)
{
	struct link_answer answer;
	enum sms_exit status = sms_call(sms, request, &answer);
	json_t *data;

	if (status != SMS_OK)
		return status;
	data = answer.body.len > 0
	               ? json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL)
	               : json_object();
	if (data)
		sms_print(sms, data);
	else
		status = sms_fail(SMS_REFUSED, "the server's answer is no JSON");
	json_decref(data);
	link_answer_fini(&answer);
	return status;
}

static void print_devices(const json_t *devices, const char *name, sms_rows_fn *add)
{
	json_t *rows = json_array();
	const json_t *device;
	size_t i;

	json_array_foreach(devices, i, device)
	{
		if (!name || strcmp(name, text_of(device, "name")) == 0)
			add(rows, device);
	}
	cli_print(stdout, rows);
	json_decref(rows);
}

enum sms_exit sms_call_devices(struct sms *sms, const struct link_request *request,
                               const char *name, sms_rows_fn *add)
{
	json_t *shown = NULL;
	enum sms_exit status = sms_call_json(sms, request, &shown);
	const json_t *devices = json_object_get(shown, "devices");

	if (status != SMS_OK)
		return status;
	if (!json_is_array(devices))
		status = sms_fail(SMS_REFUSED, "the server's answer is none");
	else if (sms->json)
		sms_print(sms, shown);
	else
		print_devices(devices, name, add);
	json_decref(shown);
	return status;
}

/* "/certificates" of "certificate". Freed by the caller. */
static char *collection_of(const char *kind)
{
	const struct kind *setting = kind_find(kind);
	char *path = NULL;

	if (setting)
		return asprintf(&path, "/%s", setting->collection) < 0 ? NULL : path;
	if (strcmp(kind, "person") == 0)
		return strdup("/people");
	if (asprintf(&path, "/%ss", kind) < 0)
		return NULL;
	return path;
}

char *sms_path(const char *kind, const char *name, const char *rest)
{
	char *escaped = curl_easy_escape(NULL, name ? name : "", 0), *path = NULL;
	char *collection = collection_of(kind);

	if (escaped && collection &&
	    asprintf(&path, "%s%s%s%s", collection, name ? "/" : "", escaped, rest ? rest : "") < 0)
		path = NULL;
	free(collection);
	curl_free(escaped);
	return path;
}

char *sms_query(char *path, const char *key, const char *value)
{
	char *escaped, *longer = NULL;

	if (!path || !value)
		return path;
	escaped = curl_easy_escape(NULL, value, 0);
	if (escaped &&
	    asprintf(&longer, "%s%s%s=%s", path, strchr(path, '?') ? "&" : "?", key, escaped) < 0)
		longer = NULL;
	curl_free(escaped);
	free(path);
	return longer;
}

enum sms_exit sms_revision(struct sms *sms, const json_t *arguments, const char *kind,
                           char ret_revision[LINK_ETAG_MAX])
{
	const char *given = sms_argument(arguments, "revision");
	struct link_answer answer;
	enum sms_exit status;
	char *path;

	if (given) {
		(void)snprintf(ret_revision, LINK_ETAG_MAX, "\"%.30s\"", given);
		return SMS_OK;
	}
	path = sms_path(kind, sms_argument(arguments, "name"), NULL);
	if (!path)
		return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	status = sms_call(sms, &(struct link_request){.method = "GET", .path = path}, &answer);
	free(path);
	if (status != SMS_OK)
		return status;
	(void)snprintf(ret_revision, LINK_ETAG_MAX, "%s", answer.etag);
	link_answer_fini(&answer);
	return SMS_OK;
}
