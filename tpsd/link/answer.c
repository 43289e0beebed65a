/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/object.h"
#include "lib/remote/packed.h"
#include "tpsd/link/line.h"

#define REVOKED ":revoked" /* the end of the problem's type */

enum { SHA256_LEN = 32, DOCUMENT_MAX = 32 * 1024 * 1024 };

#define PANIC_MS_MAX (UINT64_C(10) * 366 * 86400 * 1000) /* longer is for ever */

/* ---- hexadecimal ------------------------------------------------------------------------- */

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

/* ---- an answer --------------------------------------------------------------------------- */

size_t answer_max(enum remote_call_id id)
{
	switch (remote_calls[id].answer) {
	case REMOTE_SHAPE_FILE:
		return id == REMOTE_DOCUMENT ? DOCUMENT_MAX : REMOTE_PIECE_MAX;
	case REMOTE_SHAPE_FILES:
		return (size_t)REMOTE_FILES_MAX * REMOTE_FILE_ROW;
	case REMOTE_SHAPE_KEYS:
		return REMOTE_ENCAPSULATED +
		       (size_t)REMOTE_KEYS_MAX * (REMOTE_KEY_HEAD + REMOTE_SEALED_MAX);
	default:
		return ANSWER_JSON_MAX;
	}
}

static const char *text_of(const json_t *value, const char *key)
{
	const char *text = json_string_value(json_object_get(value, key));

	return text ? text : "";
}

static void blank_controls(char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
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
	blank_controls(a->text);
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

int answer_files(const uint8_t *data, size_t len, struct wanted_file **ret_files, size_t *ret_count)
{
	size_t count = len / REMOTE_FILE_ROW;
	struct wanted_file *files;

	if (len % REMOTE_FILE_ROW != 0 || count > REMOTE_FILES_MAX)
		return SL_EMALFORMED;
	files = calloc(count + 1, sizeof(*files));
	if (!files)
		return SL_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		memcpy(files[i].sha256, data + i * REMOTE_FILE_ROW, SHA256_LEN);
		files[i].size = remote_file_size(data + i * REMOTE_FILE_ROW);
		if (files[i].size > REMOTE_FILE_MAX) {
			free(files);
			return SL_EMALFORMED;
		}
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

int answer_key(struct remote_keys *keys, struct answer_key *ret_key)
{
	int rc = remote_keys_next(keys, &ret_key->key);

	ret_key->encapsulated = keys->encapsulated;
	return rc == 0 && ret_key->key.len > REMOTE_SEALED_MAX ? SL_EMALFORMED : rc;
}

/* Not through JSON, so nobody has looked whether it is UTF-8: what is no ASCII is a "?". */
void answer_words(const char *bytes, size_t len, char ret_text[ANSWER_TEXT_MAX])
{
	(void)snprintf(ret_text, ANSWER_TEXT_MAX, "%.*s", (int)SL_MIN(len, ANSWER_TEXT_MAX - 1),
	               bytes);
	blank_controls(ret_text);
	for (char *c = ret_text; *c; c++)
		if ((unsigned char)*c > 0x7f)
			*c = '?';
}
