/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: made, changed, renamed, compared, gone back to. */
#include "sms/setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/cli/print.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "lib/conf/object.h"

enum { NOT_FOUND = 404, READ_SIZE = 64 * 1024 };

static enum sms_exit no_memory(void)
{
	return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* ---- files ------------------------------------------------------------------------------- */

static void tell_place(const struct conf_error *e)
{
	(void)fputs(e->notice ? "notice: " : "error: ", stderr);
	cli_print_text(stderr, e->file);
	if (e->line > 0)
		(void)fprintf(stderr, ":%u:%u", e->line, e->column);
	(void)fputs(": ", stderr);
	cli_print_text(stderr, e->pointer);
	(void)fputs(e->pointer[0] ? ": " : "", stderr);
	cli_print_text(stderr, e->text);
	(void)fputc('\n', stderr);
	if (!e->remedy[0])
		return;
	(void)fputs("       ", stderr);
	cli_print_text(stderr, e->remedy);
	(void)fputc('\n', stderr);
}

void setting_tell(const struct conf_errors *errs)
{
	for (size_t i = 0; i < errs->count; i++)
		tell_place(&errs->items[i]);
}

static int load_input(struct conf_errors *errs, struct conf_document **ret_doc)
{
	char piece[READ_SIZE];
	struct buf text;
	size_t len;
	int rc = 0;

	buf_init(&text, CONF_DOCUMENT_MAX);
	while (rc == 0 && (len = fread(piece, 1, sizeof(piece), stdin)) > 0)
		rc = buf_add(&text, piece, len);
	if (rc != 0)
		rc = conf_errors_add(errs, NULL, rc, "", "standard input: %s", err_text(rc));
	else
		rc = conf_load_yaml("standard input", text.data ? (const char *)text.data : "",
		                    text.len, errs, ret_doc);
	buf_fini(&text);
	return rc;
}

enum sms_exit setting_load(const char *path, struct conf_document **ret_doc)
{
	struct conf_errors errs;
	int rc;

	conf_errors_init(&errs);
	rc = strcmp(path, "-") == 0 ? load_input(&errs, ret_doc)
	                            : conf_load_file(path, &errs, ret_doc);
	if (rc == 0 && !conf_document_root(*ret_doc)) {
		conf_document_destroy(*ret_doc);
		rc = conf_errors_add(&errs, NULL, SL_EINVAL, "", "%s is empty", path);
	}
	setting_tell(&errs);
	conf_errors_fini(&errs);
	return rc == 0 ? SMS_OK : SMS_USAGE;
}

/* ---- what became of it ------------------------------------------------------------------- */

static void print_value(const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	cli_print_text(stdout, text ? text : "?");
	free(text);
}

/* "~ logging: false -> true", as `tps config diff` has it. */
static void print_change(const json_t *change)
{
	static const struct {
		const char *kind, *sign;
	} signs[] = {{"added", "+"}, {"removed", "-"}, {"changed", "~"}, {"moved", ">"}};
	const json_t *old = json_object_get(change, "old"), *new = json_object_get(change, "new");
	const char *sign = "?";

	for (size_t i = 0; i < SL_ARRAY_LEN(signs); i++)
		if (strcmp(text_of(change, "kind"), signs[i].kind) == 0)
			sign = signs[i].sign;
	(void)printf("%s ", sign);
	cli_print_text(stdout, text_of(change, "label"));
	(void)fputs(json_is_null(old) && json_is_null(new) ? "" : ": ", stdout);
	if (!json_is_null(old))
		print_value(old);
	(void)fputs(!json_is_null(old) && !json_is_null(new) ? " -> " : "", stdout);
	if (!json_is_null(new))
		print_value(new);
	(void)fputc('\n', stdout);
}

void setting_print_diff(const json_t *answer)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(answer, "diff"), i, item)
	{
		print_change(item);
	}
	json_array_foreach(json_object_get(answer, "notices"), i, item)
	{
		(void)fputs("notice: ", stdout);
		cli_print_text(stdout, text_of(item, "text"));
		(void)fputc('\n', stdout);
	}
}

/* `before`: the revision that was there; 0: none was. */
static void print_written(const struct sms *sms, const char *word, json_int_t before,
                          const json_t *answer)
{
	json_int_t revision = json_integer_value(json_object_get(answer, "revision"));
	bool same = json_array_size(json_object_get(answer, "diff")) == 0;
	bool checked = json_is_true(json_object_get(answer, "checked"));

	if (sms->json) {
		sms_print(sms, answer);
		return;
	}
	(void)printf("%s ", word);
	cli_print_text(stdout, text_of(answer, "name"));
	(void)printf(": %s%s", checked && !same ? "would be " : "",
	             before == 0 ? "created"
	             : same      ? "unchanged"
	                         : "changed");
	if (revision > 0)
		(void)printf(", revision %" JSON_INTEGER_FORMAT, revision);
	(void)fputc('\n', stdout);
	setting_print_diff(answer);
}

/* The call, and what came of it. */
static enum sms_exit write_it(struct sms *sms, const struct link_request *request, const char *word,
                              json_int_t before)
{
	struct link_answer answer;
	enum sms_exit status = sms_call(sms, request, &answer);
	json_t *written;

	if (status != SMS_OK)
		return status;
	written = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	if (written)
		print_written(sms, word, before, written);
	else
		status = sms_fail(SMS_REFUSED, "the server's answer is no JSON");
	json_decref(written);
	link_answer_fini(&answer);
	return status;
}

/* ---- one that may be there --------------------------------------------------------------- */

struct there {
	json_t *body;                 /* NULL: there is none */
	char revision[LINK_ETAG_MAX]; /* for If-Match; "" */
};

static json_int_t number_of(const struct there *there)
{
	return there->revision[0] == '"' ? strtoll(there->revision + 1, NULL, 10) : 0;
}

/* `may_miss`: that there is none is no refusal. */
static enum sms_exit look(struct sms *sms, const char *kind, const char *name, bool may_miss,
                          struct there *ret_there)
{
	char *path = sms_path(kind, name, NULL);
	struct link_answer answer;
	enum sms_exit status;
	json_t *shown;

	*ret_there = (struct there){0};
	if (!path)
		return no_memory();
	status = sms_call(
	        sms, &(struct link_request){.method = "GET", .path = path, .may_miss = may_miss},
	        &answer);
	free(path);
	if (status != SMS_OK)
		return status;
	if (answer.status != NOT_FOUND) {
		shown = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
		ret_there->body = json_incref(json_object_get(shown, "body"));
		(void)snprintf(ret_there->revision, sizeof(ret_there->revision), "%s", answer.etag);
		json_decref(shown);
		if (!json_is_object(ret_there->body))
			status = sms_fail(SMS_REFUSED, "the server's answer is no object");
	}
	link_answer_fini(&answer);
	if (status != SMS_OK)
		json_decref(ret_there->body);
	return status;
}

/* Sends `body` in the place of what is there. */
static enum sms_exit put(struct sms *sms, const struct kind *kind, const char *name,
                         const struct there *there, const json_t *body,
                         const struct setting_how *how)
{
	char seen[LINK_ETAG_MAX];
	char *path = sms_path(kind->word, there->body ? name : NULL, NULL);
	struct link_request request = {.method = there->body ? "PUT" : "POST", .body = body};
	enum sms_exit status;

	path = sms_query(path, "comment", how->comment);
	path = sms_query(path, "check", how->check ? "true" : NULL);
	if (!path)
		return no_memory();
	request.path = path;
	if (there->body)
		request.if_match = there->revision;
	if (how->revision) {
		(void)snprintf(seen, sizeof(seen), "\"%.30s\"", how->revision);
		request.if_match = seen;
	}
	status = write_it(sms, &request, kind->word, number_of(there));
	free(path);
	return status;
}

/* Of a kind with an order: as it stands in a document it says no place. */
static int keep_place(const struct kind *kind, json_t *body, const struct there *there,
                      const struct setting_how *how)
{
	const json_t *place = json_object_get(there->body, "place");

	if (!conf_object_field(kind->object, "place") || json_object_get(body, "place"))
		return 0;
	if (how->place)
		return json_object_set_new(body, "place", json_integer(how->place));
	return place ? json_object_set(body, "place", (json_t *)(uintptr_t)place) : 0;
}

enum sms_exit setting_put(struct sms *sms, const struct kind *kind, const struct conf_node *node,
                          const struct setting_how *how)
{
	struct conf_errors errs;
	struct there there;
	json_t *body = NULL;
	enum sms_exit status;
	int rc;

	conf_errors_init(&errs);
	rc = conf_object_of_node(kind->object, node, &errs, &body);
	setting_tell(&errs);
	conf_errors_fini(&errs);
	if (rc != 0)
		return SMS_REFUSED;
	status = look(sms, kind->word, text_of(body, "name"), true, &there);
	if (status == SMS_OK) {
		status = keep_place(kind, body, &there, how) == 0
		                 ? put(sms, kind, text_of(body, "name"), &there, body, how)
		                 : no_memory();
		json_decref(there.body);
	}
	json_decref(body);
	return status;
}

/* ---- commands ---------------------------------------------------------------------------- */

static struct setting_how how_of(const json_t *arguments)
{
	return (struct setting_how){.comment = sms_argument(arguments, "comment"),
	                            .revision = sms_argument(arguments, "revision")};
}

enum sms_exit sms_set(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	struct setting_how how = how_of(arguments);
	struct conf_document *doc;
	enum sms_exit status = setting_load(sms_argument(arguments, "file"), &doc);

	if (status != SMS_OK)
		return status;
	how.check = command == SMS_CHECK;
	status = setting_put(sms, kind_find(sms_argument(arguments, "kind")),
	                     conf_document_root(doc), &how);
	conf_document_destroy(doc);
	return status;
}

enum sms_exit sms_rename(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const struct kind *kind = kind_find(sms_argument(arguments, "kind"));
	const char *name = sms_argument(arguments, "name");
	const struct setting_how how = how_of(arguments);
	struct there there;
	json_t *body;
	enum sms_exit status = look(sms, kind->word, name, false, &there);

	(void)command;
	if (status != SMS_OK)
		return status;
	body = json_copy(there.body);
	if (body &&
	    json_object_set_new(body, "name", json_string(sms_argument(arguments, "new"))) == 0)
		status = put(sms, kind, name, &there, body, &how);
	else
		status = sms_fail(SMS_USAGE, "a name is text");
	json_decref(body);
	json_decref(there.body);
	return status;
}

enum sms_exit sms_move(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const struct kind *kind = kind_find(sms_argument(arguments, "kind"));
	const char *before = sms_argument(arguments, "before");
	const char *after = sms_argument(arguments, "after");
	const struct setting_how how = how_of(arguments);
	struct there there;
	char seen[LINK_ETAG_MAX];
	json_t *body;
	enum sms_exit status;
	char *path;

	(void)command;
	if (!before == !after)
		return sms_fail(SMS_USAGE, "where to? --before OTHER or --after OTHER");
	status = look(sms, kind->word, sms_argument(arguments, "name"), false, &there);
	if (status != SMS_OK)
		return status;
	(void)snprintf(seen, sizeof(seen), how.revision ? "\"%.30s\"" : "%s",
	               how.revision ? how.revision : there.revision);
	path = sms_query(sms_path(kind->word, sms_argument(arguments, "name"), "/move"), "comment",
	                 how.comment);
	body = json_pack("{s:s}", before ? "before" : "after", before ? before : after);
	status = path && body ? write_it(sms,
	                                 &(struct link_request){.method = "POST",
	                                                        .path = path,
	                                                        .body = body,
	                                                        .if_match = seen},
	                                 kind->word, number_of(&there))
	                      : no_memory();
	free(path);
	json_decref(body);
	json_decref(there.body);
	return status;
}

/* A revision from the command line: a number and nothing else, as it stands in a path. */
static bool is_number(const char *text)
{
	return text[0] && strlen(text) < 19 && strspn(text, "0123456789") == strlen(text);
}

/* The newest revision of what may be deleted. */
static enum sms_exit newest(struct sms *sms, const char *kind, const char *name, char ret_text[24])
{
	char *path = sms_path(kind, name, "/history?limit=1");
	struct link_answer answer;
	enum sms_exit status = SMS_REFUSED;
	json_t *data;

	if (!path)
		return no_memory();
	status = sms_call(sms, &(struct link_request){.method = "GET", .path = path}, &answer);
	free(path);
	if (status != SMS_OK)
		return status;
	data = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	(void)snprintf(ret_text, 24, "%" JSON_INTEGER_FORMAT,
	               json_integer_value(json_object_get(
	                       json_array_get(json_object_get(data, "items"), 0), "revision")));
	json_decref(data);
	link_answer_fini(&answer);
	return SMS_OK;
}

static enum sms_exit show_diff(struct sms *sms, const char *path)
{
	struct link_answer answer;
	enum sms_exit status =
	        sms_call(sms, &(struct link_request){.method = "GET", .path = path}, &answer);
	json_t *data;

	if (status != SMS_OK)
		return status;
	data = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	if (sms->json)
		sms_print(sms, json_object_get(data, "diff"));
	else
		setting_print_diff(data);
	json_decref(data);
	link_answer_fini(&answer);
	return status;
}

enum sms_exit sms_diff(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const char *kind = sms_argument(arguments, "kind"), *name = sms_argument(arguments, "name");
	const char *from = sms_argument(arguments, "revision"), *to = sms_argument(arguments, "to");
	enum sms_exit status = SMS_OK;
	char last[24], rest[96];
	char *path;

	(void)command;
	if (!is_number(from) || (to && !is_number(to)))
		return sms_fail(SMS_USAGE, "a revision is a whole number");
	if (!to)
		status = newest(sms, kind, name, last);
	if (status != SMS_OK)
		return status;
	(void)snprintf(rest, sizeof(rest), "/history/%s?from=%s", to ? to : last, from);
	path = sms_path(kind, name, rest);
	status = path ? show_diff(sms, path) : no_memory();
	free(path);
	return status;
}

enum sms_exit sms_rollback(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const char *kind = sms_argument(arguments, "kind"), *name = sms_argument(arguments, "name");
	const char *to = sms_argument(arguments, "to");
	struct there there;
	json_t *body;
	enum sms_exit status;
	char *path;

	(void)command;
	if (!to || !is_number(to))
		return sms_fail(SMS_USAGE,
		                "to which revision? --to N; sms history %s NAME lists "
		                "them",
		                kind);
	status = look(sms, kind, name, true, &there);
	if (status != SMS_OK)
		return status;
	path = sms_query(sms_path(kind, name, "/rollback"), "comment",
	                 sms_argument(arguments, "comment"));
	body = json_pack("{s:I}", "revision", (json_int_t)strtoll(to, NULL, 10));
	status = path && body ? write_it(sms,
	                                 &(struct link_request){.method = "POST",
	                                                        .path = path,
	                                                        .body = body,
	                                                        .if_match = there.revision},
	                                 kind, number_of(&there))
	                      : no_memory();
	free(path);
	json_decref(body);
	json_decref(there.body);
	return status;
}
