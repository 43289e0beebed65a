/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates, CA certificates and signing requests: bodies of requests into calls of the object
 * room, and what those give into answers. A route's path says which kind it is of.
 */
#include "smsd/object/certificate.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/err.h"
#include "smsd/api/route.h"
#include "smsd/object/object.h"

enum { OK = 200, CREATED = 201, NO_CONTENT = 204, SIGNING_DAYS = 3650 };

static struct certificate_store rooms_of(const struct api_call *call)
{
	return (struct certificate_store){.store = call->context->store,
	                                  .vault = call->context->vault,
	                                  .cache = call->context->certificates};
}

static enum object_kind kind_of(const struct api_call *call)
{
	const char *path = call->route->path + 1;

	for (unsigned i = 0; i < OBJECT_KIND_END; i++) {
		const char *collection = object_kind_collection(i);

		if (strncmp(path, collection, strlen(collection)) == 0)
			return i;
	}
	return OBJECT_CERTIFICATE; /* /signing-certificates */
}

/* Never NULL: what is no name is refused by the room. */
static const char *body_name(const struct api_call *call)
{
	const char *name = api_body_text(call, "name");

	return name ? name : "";
}

static bool body_is_true(const struct api_call *call, const char *name)
{
	return json_is_true(json_object_get(call->body, name));
}

/* ---- files in base64 --------------------------------------------------------------------- */

struct file {
	uint8_t *data; /* NULL: not sent */
	size_t len;
};

static void file_fini(struct file *file)
{
	if (file->data)
		OPENSSL_cleanse(file->data, file->len);
	free(file->data);
}

/* A field of the body; its shape has bounded it. */
static int read_file(struct api_call *call, const char *name, struct file *ret_file)
{
	const char *text = api_body_text(call, name);
	size_t len = text ? strlen(text) : 0;
	char pointer[32];
	struct file file;
	int rc;

	*ret_file = (struct file){0};
	if (!text)
		return 0;
	file.data = calloc(1, BASE64_BYTES(len) + 1);
	if (!file.data)
		return SL_ENOMEM;
	rc = base64_decode(text, len, file.data, BASE64_BYTES(len), &file.len);
	if (rc == 0) {
		*ret_file = file;
		return 0;
	}
	OPENSSL_cleanse(file.data, BASE64_BYTES(len));
	free(file.data);
	(void)snprintf(pointer, sizeof(pointer), "/%s", name);
	return problem_add(&call->problem, SL_EINVAL, pointer,
	                   "send it as base64 (RFC 4648) with its padding, in one line",
	                   "%s is no base64", name);
}

/* In the order of enum pki_format; the shape has checked the word. */
static enum pki_format format_of(const struct api_call *call)
{
	static const char *const words[] = {"auto", "pem", "der", "pkcs12"};
	const char *word = api_body_text(call, "format");

	for (unsigned i = 0; word && i < SL_ARRAY_LEN(words); i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return PKI_FORMAT_AUTO;
}

/* An import as the body says it; file_fini both files afterwards, whatever comes of it. */
static int read_import(struct api_call *call, const char *name, struct file *file, struct file *key,
                       struct certificate_import *ret_import)
{
	int rc = read_file(call, "file", file);
	int key_rc = read_file(call, "key", key);

	*ret_import = (struct certificate_import){.name = name,
	                                          .format = format_of(call),
	                                          .file = file->data,
	                                          .file_len = file->len,
	                                          .key = key->data,
	                                          .key_len = key->len,
	                                          .password = api_body_text(call, "password"),
	                                          .exportable = body_is_true(call, "exportable"),
	                                          .comment = api_body_text(call, "comment")};
	return rc ? rc : key_rc;
}

/* ---- answers ----------------------------------------------------------------------------- */

static int get(struct api_call *call, const char *name, struct object *ret_object)
{
	int rc = object_get(call->context->store, kind_of(call), name, ret_object, &call->problem);

	if (rc == 0)
		api_set_revision(call, ret_object->revision);
	return rc;
}

/* The object as it is now. */
static int answer_object(struct api_call *call, const char *name, int status)
{
	struct certificate_store at = rooms_of(call);
	struct object object;
	json_t *shown = NULL;
	int rc = get(call, name, &object);

	if (rc != 0)
		return rc;
	rc = certificate_show(&at, &object, &shown, &call->problem);
	object_fini(&object);
	return rc ? rc : api_answer(call, status, shown);
}

int api_certificate_get(struct api_call *call)
{
	return answer_object(call, call->parameter[0], OK);
}

int api_certificate_list(struct api_call *call)
{
	struct certificate_store at = rooms_of(call);
	char *after = http_query_value(call->request, "after");
	json_t *page = NULL;
	int64_t limit = 0;
	int rc = api_query_number(call, "limit", 1, API_PAGE_MAX, API_PAGE, &limit);

	if (rc == 0)
		rc = certificate_list(&at, kind_of(call), after ? after : "", (unsigned)limit,
		                      &page, &call->problem);
	free(after);
	return rc ? rc : api_answer(call, OK, page);
}

int api_certificate_history(struct api_call *call)
{
	json_t *list = NULL;
	int64_t limit = 0;
	int rc = api_query_number(call, "limit", 1, OBJECT_HISTORY_MAX, API_PAGE, &limit);

	if (rc == 0)
		rc = object_history(call->context->store, kind_of(call), call->parameter[0],
		                    (unsigned)limit, &list, &call->problem);
	return rc ? rc : api_answer(call, OK, json_pack("{s:o}", "items", list));
}

/* ---- changes ----------------------------------------------------------------------------- */

int api_certificate_import(struct api_call *call)
{
	struct certificate_store at = rooms_of(call);
	struct certificate_import import;
	struct file file = {0}, key = {0};
	json_t *names = NULL;
	int rc = read_import(call, body_name(call), &file, &key, &import);

	if (rc == 0 && kind_of(call) == OBJECT_CA_CERTIFICATE)
		rc = certificate_import_ca(&at, &call->identity.actor, &import, &names,
		                           &call->problem);
	else if (rc == 0)
		rc = certificate_import(&at, &call->identity.actor, &import, &names,
		                        &call->problem);
	file_fini(&file);
	file_fini(&key);
	return rc ? rc : api_answer(call, CREATED, json_pack("{s:o}", "names", names));
}

static int replace(struct api_call *call, int64_t revision, const struct certificate_import *import)
{
	struct certificate_store at = rooms_of(call);

	return certificate_replace(&at, &call->identity.actor, kind_of(call), revision, import,
	                           &call->problem);
}

static int repair(struct api_call *call, int64_t revision, const struct certificate_import *import)
{
	struct certificate_store at = rooms_of(call);

	return certificate_repair(&at, &call->identity.actor, revision, import, &call->problem);
}

/* The object of the path by the files of the body. */
static int change_by_files(struct api_call *call,
                           int (*change)(struct api_call *call, int64_t revision,
                                         const struct certificate_import *import))
{
	struct certificate_import import;
	struct file file = {0}, key = {0};
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc != 0)
		return rc;
	rc = read_import(call, call->parameter[0], &file, &key, &import);
	if (rc == 0)
		rc = change(call, revision, &import);
	file_fini(&file);
	file_fini(&key);
	return rc ? rc : answer_object(call, call->parameter[0], OK);
}

int api_certificate_replace(struct api_call *call)
{
	return change_by_files(call, replace);
}

int api_certificate_repair(struct api_call *call)
{
	return change_by_files(call, repair);
}

int api_certificate_delete(struct api_call *call)
{
	struct certificate_store at = rooms_of(call);
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = certificate_delete(&at, &call->identity.actor, kind_of(call),
		                        call->parameter[0], revision, &call->problem);
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}

/* ---- made here --------------------------------------------------------------------------- */

/* A subject with its lists, which point into the body. */
struct asked {
	struct pki_subject subject;
	const char *units[PKI_SUBJECT_UNITS_MAX];
	const char *dns[PKI_SUBJECT_DNS_MAX];
};

static size_t take_list(const json_t *list, const char **texts, size_t max)
{
	size_t count = SL_MIN(json_array_size(list), max);

	for (size_t i = 0; i < count; i++) {
		texts[i] = json_string_value(json_array_get(list, i));
		if (!texts[i])
			texts[i] = "";
	}
	return count;
}

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void read_subject(const struct api_call *call, struct asked *ret_asked)
{
	const json_t *s = json_object_get(call->body, "subject");

	*ret_asked = (struct asked){.subject = {.common_name = text_of(s, "common_name"),
	                                        .email = text_of(s, "email"),
	                                        .organization = text_of(s, "organization"),
	                                        .locality = text_of(s, "locality"),
	                                        .state = text_of(s, "state"),
	                                        .country = text_of(s, "country"),
	                                        .user = text_of(s, "user")}};
	ret_asked->subject.units = ret_asked->units;
	ret_asked->subject.units_count =
	        take_list(json_object_get(s, "units"), ret_asked->units, PKI_SUBJECT_UNITS_MAX);
	ret_asked->subject.dns = ret_asked->dns;
	ret_asked->subject.dns_count =
	        take_list(json_object_get(s, "dns"), ret_asked->dns, PKI_SUBJECT_DNS_MAX);
}

static enum pki_key_type key_type_of(const struct api_call *call)
{
	const char *word = api_body_text(call, "key_type");
	enum pki_key_type type = PKI_KEY_RSA_2048;

	if (word && pki_key_type_parse(word, &type) != 0)
		return PKI_KEY_RSA_2048;
	return type;
}

int api_signing_make(struct api_call *call)
{
	struct certificate_store at = rooms_of(call);
	const char *name = body_name(call);
	const json_t *days = json_object_get(call->body, "days");
	struct asked asked;
	int rc;

	read_subject(call, &asked);
	rc = certificate_make_signing(&at, &call->identity.actor, name, &asked.subject,
	                              key_type_of(call),
	                              days ? (unsigned)json_integer_value(days) : SIGNING_DAYS,
	                              body_is_true(call, "exportable"), &call->problem);
	return rc ? rc : answer_object(call, name, CREATED);
}

int api_request_make(struct api_call *call)
{
	struct certificate_store at = rooms_of(call);
	const char *name = body_name(call);
	struct asked asked;
	int rc;

	read_subject(call, &asked);
	rc = certificate_make_request(&at, &call->identity.actor, name, &asked.subject,
	                              key_type_of(call), body_is_true(call, "ca"),
	                              body_is_true(call, "exportable"), &call->problem);
	return rc ? rc : answer_object(call, name, CREATED);
}

/* ---- files that leave -------------------------------------------------------------------- */

static void set_file(struct api_call *call, const char *name, enum certificate_format format)
{
	struct http_response *response = &call->response;

	response->status = OK;
	response->content_type = certificate_format_type(format);
	(void)snprintf(response->filename, sizeof(response->filename), "%.*s.%s",
	               OBJECT_NAME_MAX - 1, name, certificate_format_ending(format));
}

int api_certificate_export(struct api_call *call)
{
	struct certificate_store at = rooms_of(call);
	const char *word = api_body_text(call, "format");
	enum certificate_format format = CERTIFICATE_PEM;
	struct object object;
	int rc = word ? certificate_format_parse(word, &format) : 0;

	if (rc == 0)
		rc = get(call, call->parameter[0], &object);
	if (rc != 0)
		return rc;
	rc = certificate_export(&at, &call->identity.actor, &object, format,
	                        api_body_text(call, "password"), &call->response.body,
	                        &call->problem);
	object_fini(&object);
	if (rc == 0)
		set_file(call, call->parameter[0], format);
	return rc;
}

int api_certificate_client_root(struct api_call *call)
{
	struct certificate_store at = rooms_of(call);
	struct object object;
	int rc = get(call, call->parameter[0], &object);

	if (rc != 0)
		return rc;
	rc = certificate_client_root(&at, &object, &call->response.body, &call->problem);
	object_fini(&object);
	if (rc == 0)
		set_file(call, "client-root", CERTIFICATE_DER);
	return rc;
}
