/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/object.h"
#include "tpsd/link/line.h"

#define REVOKED ":revoked" /* the end of the problem's type */

enum { SHA256_LEN = 32, DOCUMENT_MAX = 32 * 1024 * 1024 };

#define PANIC_MS_MAX (UINT64_C(10) * 366 * 86400 * 1000) /* longer is for ever */

/* ---- hexadecimal and base64 -------------------------------------------------------------- */

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool answer_unhex(const char *text, uint8_t *ret_data, size_t len)
{
	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_data[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* At most `max` bytes; their number, 0 for what is no base64 or too long. */
static size_t unbase64(const char *text, uint8_t *ret_data, size_t max)
{
	size_t len;

	return base64_decode(text, strlen(text), ret_data, max, &len) == 0 ? len : 0;
}

/* ---- an answer --------------------------------------------------------------------------- */

size_t answer_max(enum remote_call_id id)
{
	if (id == REMOTE_DOCUMENT)
		return DOCUMENT_MAX;
	return remote_calls[id].answer == REMOTE_SHAPE_FILE ? REMOTE_PIECE_MAX : ANSWER_JSON_MAX;
}

static const char *text_of(const json_t *value, const char *key)
{
	const char *text = json_string_value(json_object_get(value, key));

	return text ? text : "";
}

/* RFC 9457, if it is that: what is shown to people has no control characters. */
static void read_problem(const void *body, size_t len, long http, struct answer *a)
{
	json_t *value = len <= ANSWER_JSON_MAX ? json_loadb(body, len, 0, NULL) : NULL;
	const char *type = text_of(value, "type");
	const char *detail = text_of(value, "detail");
	size_t n = strlen(type);

	a->revoked = http == 403 && n >= sizeof(REVOKED) - 1 &&
	             strcmp(type + n - (sizeof(REVOKED) - 1), REVOKED) == 0;
	(void)snprintf(a->text, sizeof(a->text), "the SMS refuses (%ld): %.400s", http,
	               detail[0] ? detail : text_of(value, "title"));
	for (char *c = a->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	json_decref(value);
}

static int status_of(long http)
{
	if (http == 404)
		return SL_ENOENT;
	return http == 429 || http >= 500 ? SL_EAGAIN : SL_EREFUSED;
}

static int read_value(const struct conf_object *shape, const void *body, size_t len,
                      struct answer *a)
{
	struct conf_errors errs;
	int rc;

	conf_errors_init(&errs);
	rc = conf_object_read(shape, body, len, &errs, &a->value);
	if (rc != 0)
		(void)snprintf(a->text, sizeof(a->text),
		               "the SMS's answer is not understood: %s: %s",
		               errs.count ? errs.items[0].pointer : "",
		               errs.count ? errs.items[0].text : err_text(rc));
	conf_errors_fini(&errs);
	return rc == 0 ? 0 : SL_EMALFORMED;
}

void answer_read(enum remote_call_id id, long http, const void *body, size_t len,
                 struct answer *ret_answer)
{
	const struct conf_object *shape = remote_shape_object(remote_calls[id].answer);

	*ret_answer = (struct answer){.status = 0};
	if (http < 200 || http > 299) {
		read_problem(body, len, http, ret_answer);
		ret_answer->status = status_of(http);
	} else if (shape) {
		ret_answer->status = read_value(shape, body, len, ret_answer);
	}
}

void answer_fini(struct answer *answer)
{
	json_decref(answer->value);
	answer->value = NULL;
}

/* ---- what they mean ---------------------------------------------------------------------- */

static uint64_t number_of(const json_t *value, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(value, key));
}

int answer_wanted(const json_t *value, struct wanted *ret_wanted)
{
	struct wanted w = {
	        .revision = (uint32_t)number_of(value, "revision"),
	        .size = number_of(value, "size"),
	        .confirm_s = (uint32_t)number_of(value, "confirm_s"),
	};

	if (w.revision != 0 && (w.size == 0 || w.size > DOCUMENT_MAX ||
	                        !answer_unhex(text_of(value, "sha256"), w.sha256, SHA256_LEN)))
		return SL_EMALFORMED;
	*ret_wanted = w;
	return 0;
}

/* What was checked by its shape has no sum that overflows. */
static json_t *panic_step(const json_t *one, uint64_t now_us)
{
	uint64_t left_ms = number_of(one, "left_ms");

	return json_pack("{s:I, s:s, s:s, s:I}", "step", (json_int_t)number_of(one, "step"), "what",
	                 text_of(one, "what"), "value", text_of(one, "value"), "until_us",
	                 (json_int_t)(left_ms ? now_us + SL_MIN(left_ms, PANIC_MS_MAX) * 1000 : 0));
}

int answer_panic(const json_t *wanted, uint64_t now_us, uint64_t *ret_number, char **ret_steps)
{
	const json_t *panic = json_object_get(wanted, "panic");
	json_t *steps = json_array(), *one;
	char *text = NULL;
	bool good = steps != NULL;
	size_t i;

	json_array_foreach(json_object_get(panic, "steps"), i, one)
	{
		good &= json_array_append_new(steps, panic_step(one, now_us)) == 0;
	}
	if (good)
		text = json_dumps(steps, JSON_COMPACT);
	json_decref(steps);
	if (!text)
		return SL_ENOMEM;
	*ret_number = number_of(panic, "number");
	*ret_steps = text;
	return 0;
}

int answer_file_order(const void *a, const void *b)
{
	return memcmp(((const struct wanted_file *)a)->sha256,
	              ((const struct wanted_file *)b)->sha256, SHA256_LEN);
}

int answer_files(const json_t *value, struct wanted_file **ret_files, size_t *ret_count)
{
	const json_t *list = json_object_get(value, "files");
	size_t count = json_array_size(list);
	struct wanted_file *files = calloc(count + 1, sizeof(*files));

	if (!files)
		return SL_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const json_t *one = json_array_get(list, i);

		files[i].size = number_of(one, "size");
		if (files[i].size <= REMOTE_FILE_MAX &&
		    answer_unhex(text_of(one, "sha256"), files[i].sha256, SHA256_LEN))
			continue;
		free(files);
		return SL_EMALFORMED;
	}
	qsort(files, count, sizeof(*files), answer_file_order);
	*ret_files = files;
	*ret_count = count;
	return 0;
}

int answer_intake(const json_t *value, struct intake *ret_intake)
{
	const char *epoch = text_of(value, "epoch");
	struct intake i = {.next = number_of(value, "next"),
	                   .stored = number_of(value, "stored"),
	                   .repeated = number_of(value, "repeated"),
	                   .refused = number_of(value, "refused")};

	if (!line_epoch_read(epoch, strlen(epoch), &i.epoch) || i.next >> LINE_SEQ_BITS)
		return SL_EMALFORMED;
	*ret_intake = i;
	return 0;
}

int answer_key(const json_t *value, size_t index, struct sealed *ret_sealed)
{
	const json_t *one = json_array_get(json_object_get(value, "keys"), index);
	struct sealed *s = ret_sealed;

	if (!one)
		return SL_ENOENT;
	s->len = 0;
	s->refused = text_of(one, "refused");
	if (!answer_unhex(text_of(one, "id"), s->id, SHA256_LEN))
		return SL_EMALFORMED;
	if (s->refused[0])
		return 0;
	s->number = (uint32_t)number_of(one, "number");
	s->len = unbase64(text_of(one, "sealed"), s->bytes, sizeof(s->bytes));
	if (s->len == 0 || unbase64(text_of(one, "encapsulated"), s->encapsulated, 32) != 32)
		return SL_EMALFORMED;
	return 0;
}
