/* SPDX-License-Identifier: Apache-2.0 */
/* tps config ...: documents from people into the transaction, and back out of the history. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "tpsd/report/compile.h"
#include "tpsd/report/control.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/history.h"
#include "tpsd/report/origin.h"
#include "tpsd/report/server.h"
#include "tpsd/report/textdiff.h"
#include "tpsd/report/transaction.h"

/* Notices do not refuse, but whoever applies a document should see them. */
static json_t *notices_of(const struct conf_errors *errs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errs->count; i++) {
		const struct conf_error *e = &errs->items[i];

		(void)json_array_append_new(list, json_pack("{s:s,s:i,s:i,s:s,s:s,s:s}", "file",
		                                            e->file, "line", (int)e->line, "column",
		                                            (int)e->column, "path", e->pointer,
		                                            "text", e->text, "remedy", e->remedy));
	}
	return list;
}

/* What the text of a FILE argument is; refuses the request when it is missing. */
static bool file_of(struct request *r, const char **ret_name, const char **ret_text,
                    size_t *ret_len)
{
	json_t *text = json_object_get(r->arguments, "text");

	*ret_name = request_text(r, "file");
	*ret_text = json_string_value(text);
	*ret_len = json_string_length(text);
	if (*ret_text)
		return true;
	request_error(r, SL_EINVAL, "the document's text is missing",
	              "send it as args.text; tps does so");
	return false;
}

/* ---- check: a thread, no process is asked ------------------------------------------------ */

static void on_checked(void *arg, struct compiled *compiled)
{
	struct request *r = arg;

	if (compiled->status != 0)
		request_errors(r, compiled->status, &compiled->errs, "the document is refused");
	else
		request_ok(r, json_pack("{s:b,s:o}", "valid", 1, "notices",
		                        notices_of(&compiled->errs)));
}

void handle_config_check(struct request *request)
{
	struct compile_source source = {.revision = 1};
	struct compile *compile;
	const char *text;
	int rc;

	if (!file_of(request, &source.name, &text, &source.len))
		return;
	source.text = text;
	rc = compile_start(request->control->proc->loop, &source, on_checked, request, &compile);
	if (rc != 0)
		request_error(request, rc, err_text(rc), "");
}

/* ---- changes ----------------------------------------------------------------------------- */

static void on_applied(void *arg, int status, uint32_t revision, const struct conf_errors *errs)
{
	struct request *r = arg;
	json_t *data;

	if (status != 0) {
		request_errors(r, status, errs,
		               "the configuration is refused, nothing has changed");
		return;
	}
	data = transaction_describe(r->control->transaction);
	(void)json_object_set_new(data, "revision", json_integer(revision));
	(void)json_object_set_new(data, "notices", notices_of(errs));
	request_ok(r, data);
}

static void refuse(struct request *r, int rc)
{
	if (rc == SL_EBUSY)
		request_error(r, rc, "another configuration is being applied",
		              "wait for it; it takes 10 s at most");
	else if (rc == SL_ENOENT)
		request_error(r, rc, "no such document is kept", "'tps config history' lists them");
	else if (rc != 0)
		request_error(r, rc, err_text(rc), "the system log may say more");
}

void handle_config_apply(struct request *request)
{
	struct transaction_order order = {.user = request->user, .fn = on_applied, .arg = request};
	const char *text;

	if (!file_of(request, &order.name, &text, &order.len) ||
	    !request_duration(request, "confirm", 0, &order.confirm_ms))
		return;
	order.text = text;
	refuse(request, transaction_start(request->control->transaction, &order));
}

void handle_config_reload(struct request *request)
{
	refuse(request, transaction_reload(request->control->transaction, request->user, on_applied,
	                                   request));
}

/* The same document: its files may have changed. */
void handle_cert_reload(struct request *request)
{
	refuse(request, transaction_rollback(request->control->transaction, 0, request->user,
	                                     on_applied, request));
}

void handle_config_rollback(struct request *request)
{
	uint64_t back;

	if (!request_number(request, "n", 1, HISTORY_KEPT - 1, &back))
		return;
	if (back == 0)
		request_error(request, SL_ERANGE, "0 is the document in force",
		              "1 is the one before");
	else
		refuse(request, transaction_rollback(request->control->transaction, (unsigned)back,
		                                     request->user, on_applied, request));
}

void handle_config_confirm(struct request *request)
{
	int rc = transaction_confirm(request->control->transaction);

	if (rc == 0)
		request_ok(request, transaction_describe(request->control->transaction));
	else if (rc == SL_ENOENT)
		request_error(request, rc, "nothing waits for a confirmation", "");
	else
		refuse(request, rc);
}

/* ---- looking ----------------------------------------------------------------------------- */

void handle_config_history(struct request *request)
{
	request_ok(request, history_list(request->control->proc->state_dir));
}

static int read_kept(struct request *r, uint64_t n, struct buf *text)
{
	struct history_entry e;

	return history_read(r->control->proc->state_dir, (unsigned)n, text, &e);
}

/* Document text is not always UTF-8 in full; jansson then says no. */
static void answer_text(struct request *r, struct buf *text)
{
	json_t *value = json_stringn((const char *)text->data, text->len);

	if (value && text->len < 900 * 1024)
		request_ok(r, json_pack("{s:o}", "text", value));
	else
		request_error(r, SL_ELIMIT, "too long for an answer",
		              "it is in the state directory");
}

void handle_config_show(struct request *request)
{
	struct buf text;
	uint64_t n;
	int rc;

	if (!request_number(request, "n", 0, HISTORY_KEPT - 1, &n))
		return;
	buf_init(&text, CONF_TEXT_MAX);
	rc = read_kept(request, n, &text);
	if (rc == 0)
		answer_text(request, &text);
	else
		refuse(request, rc);
	buf_fini(&text);
}

void handle_config_diff(struct request *request)
{
	struct buf before, now, out;
	uint64_t n;
	int rc;

	if (!request_number(request, "n", 1, HISTORY_KEPT - 1, &n))
		return;
	buf_init(&before, CONF_TEXT_MAX);
	buf_init(&now, CONF_TEXT_MAX);
	buf_init(&out, 512 * 1024);
	rc = read_kept(request, n, &before);
	if (rc == 0)
		rc = read_kept(request, 0, &now);
	if (rc == 0)
		rc = text_diff(buf_text(&before), buf_text(&now), &out);
	if (rc == 0)
		answer_text(request, &out);
	else
		refuse(request, rc);
	buf_fini(&before);
	buf_fini(&now);
	buf_fini(&out);
}
