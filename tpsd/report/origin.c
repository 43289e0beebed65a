/* SPDX-License-Identifier: Apache-2.0 */
/* Documents on the disk and the order that goes on. The header has the contract. */
#include "tpsd/report/origin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/base/log.h"
#include "tpsd/proc/proc.h"
#include "tpsd/proc/shell.h"
#include "tpsd/report/history.h"

enum { SMALL_MAX = 4096, NAME_SIZE = 512, USER_SIZE = 64 };

struct origin {
	struct proc *proc;
	uint32_t revision;         /* last one given out */
	uint64_t confirm_until_us; /* wall clock; 0: nothing to confirm */
	struct transaction_order order;
	struct buf text;
	char name[NAME_SIZE];
	char user[USER_SIZE];
	bool order_is_last_good;
};

static uint64_t read_number(const char *state_dir, const char *name)
{
	struct buf text;
	uint64_t n = 0;

	buf_init(&text, SMALL_MAX);
	if (state_read(state_dir, name, &text) == 0)
		n = strtoull(buf_text(&text), NULL, 10);
	buf_fini(&text);
	return n;
}

static int write_number(const char *state_dir, const char *name, uint64_t n)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", n);

	return state_write(state_dir, name, text, n ? (size_t)len : 0);
}

int origin_open(struct proc *proc, struct origin **ret_origin)
{
	struct origin *o = calloc(1, sizeof(*o));

	if (!o)
		return SL_ENOMEM;
	o->proc = proc;
	o->revision = (uint32_t)read_number(proc->state_dir, "revision");
	o->confirm_until_us = read_number(proc->state_dir, "confirm");
	buf_init(&o->text, CONF_TEXT_MAX);
	*ret_origin = o;
	return 0;
}

void origin_close(struct origin *origin)
{
	if (!origin)
		return;
	buf_fini(&origin->text);
	free(origin);
}

int origin_take_order(struct origin *origin, const struct transaction_order *order)
{
	origin_forget_order(origin);
	if (buf_add(&origin->text, order->text, order->len) != 0)
		return SL_ENOMEM;
	(void)snprintf(origin->name, sizeof(origin->name), "%s", order->name);
	(void)snprintf(origin->user, sizeof(origin->user), "%s", order->user ? order->user : "");
	origin->order = *order;
	origin->order.name = origin->name;
	origin->order.user = origin->user;
	origin->order.text = origin->text.data ? origin->text.data : (const uint8_t *)"";
	return 0;
}

const struct transaction_order *origin_order(const struct origin *origin)
{
	return &origin->order;
}

void origin_forget_order(struct origin *origin)
{
	buf_fini(&origin->text);
	origin->order = (struct transaction_order){.name = "", .text = "", .user = ""};
}

int origin_next_revision(struct origin *origin, uint32_t *ret_revision)
{
	int rc = write_number(origin->proc->state_dir, "revision", (uint64_t)origin->revision + 1);

	if (rc == 0)
		*ret_revision = ++origin->revision;
	return rc;
}

/* ---- sources ----------------------------------------------------------------------------- */

static int read_source(const char *path, struct buf *text)
{
	FILE *f = fopen(path, "re");
	int rc = f ? 0 : SL_ESYS;

	while (rc == 0) {
		uint8_t *room;
		size_t n;

		rc = buf_reserve(text, 65536, &room);
		if (rc != 0)
			break;
		n = fread(room, 1, 65536, f);
		text->len += n;
		if (n == 0)
			break;
	}
	if (f && ferror(f))
		rc = SL_EIO;
	if (f)
		(void)fclose(f);
	return rc;
}

static void hex_sha256(const void *data, size_t len, char text[65])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	(void)SHA256(data, len, digest);
	(void)hex_text(digest, sizeof(digest), text);
}

/* Whether the file is as it was when it last came into force. */
static bool source_unchanged(const struct origin *o, const struct buf *text)
{
	struct buf known;
	char digest[65];
	bool same;

	hex_sha256(text->data ? text->data : (const uint8_t *)"", text->len, digest);
	buf_init(&known, SMALL_MAX);
	same = state_read(o->proc->state_dir, "source", &known) == 0 && known.len >= 64 &&
	       memcmp(known.data, digest, 64) == 0;
	buf_fini(&known);
	return same;
}

int origin_reload(struct origin *origin, struct buf *text, struct transaction_order *ret_order)
{
	int rc = read_source(origin->proc->config_path, text);

	if (rc != 0) {
		log_error("configuration: %s: %s", origin->proc->config_path, strerror(errno));
		return rc;
	}
	*ret_order = (struct transaction_order){.name = origin->proc->config_path,
	                                        .text = text->data ? text->data : (uint8_t *)"",
	                                        .len = text->len,
	                                        .from_file = true};
	return 0;
}

int origin_back(struct origin *origin, unsigned back, struct buf *text, char *name,
                size_t name_size, struct transaction_order *ret_order)
{
	struct history_entry e;
	int rc = history_read(origin->proc->state_dir, back, text, &e);

	if (rc != 0)
		return rc;
	(void)snprintf(name, name_size, "%s", e.name);
	*ret_order = (struct transaction_order){.name = name,
	                                        .text = text->data ? text->data : (uint8_t *)"",
	                                        .len = text->len,
	                                        .back = back};
	return 0;
}

int origin_last_good(struct origin *origin, struct buf *text, char *name, size_t name_size,
                     struct transaction_order *ret_order)
{
	int rc = origin_back(origin, 0, text, name, name_size, ret_order);

	if (rc == 0) {
		ret_order->user = "start";
		origin->order_is_last_good = true;
	}
	return rc;
}

int origin_first(struct origin *origin, struct buf *text, char *name, size_t name_size,
                 struct transaction_order *ret_order)
{
	uint64_t left_ms;
	int rc = origin_reload(origin, text, ret_order);

	ret_order->user = "start";
	if (rc == 0 && !source_unchanged(origin, text))
		return 0;
	buf_consume(text, text->len);
	if (origin_confirm_left(origin, &left_ms) && left_ms == 0 &&
	    origin_back(origin, 1, text, name, name_size, ret_order) == 0) {
		ret_order->user = ORIGIN_REVERTER;
		log_warning("configuration: not confirmed in time: the document before is taken");
		return 0;
	}
	buf_consume(text, text->len);
	if (origin_last_good(origin, text, name, name_size, ret_order) == 0)
		return 0;
	buf_consume(text, text->len);
	rc = origin_reload(origin, text, ret_order);
	ret_order->user = "start";
	return rc;
}

bool origin_may_fall_back(const struct origin *origin)
{
	struct history_entry e;
	struct buf text;
	bool there;

	if (origin->order_is_last_good)
		return false;
	buf_init(&text, CONF_TEXT_MAX);
	there = history_read(origin->proc->state_dir, 0, &text, &e) == 0;
	buf_fini(&text);
	return there;
}

/* ---- what is kept ------------------------------------------------------------------------ */

static int keep_source(struct origin *o)
{
	char digest[65];

	if (!o->order.from_file)
		return 0;
	hex_sha256(o->order.text, o->order.len, digest);
	return state_write(o->proc->state_dir, "source", digest, 64);
}

static int keep_confirm(struct origin *o, bool changed)
{
	if (!changed && o->order.back == 0)
		return 0; /* the same document again: what waits goes on waiting */
	o->confirm_until_us = 0;
	if (o->order.confirm_ms > 0 && changed)
		o->confirm_until_us = clock_wall_us() + o->order.confirm_ms * 1000;
	return write_number(o->proc->state_dir, "confirm", o->confirm_until_us);
}

int origin_keep(struct origin *origin, uint32_t revision, const uint8_t sha256[32])
{
	struct history_entry e = {.revision = revision, .applied_us = clock_wall_us()};
	struct history_entry before = {.revision = 0};
	struct buf old;
	bool changed;
	int rc = 0;

	(void)snprintf(e.name, sizeof(e.name), "%s", origin->name);
	(void)snprintf(e.user, sizeof(e.user), "%s", origin->user);
	(void)hex_text(sha256, 32, e.sha256);
	shell_heartbeat(origin->proc); /* each step below waits for the disk */
	for (unsigned n = 0; n < origin->order.back && rc == 0; n++)
		rc = history_drop(origin->proc->state_dir);
	buf_init(&old, CONF_TEXT_MAX);
	changed = history_read(origin->proc->state_dir, 0, &old, &before) == 0 &&
	          strcmp(before.sha256, e.sha256) != 0;
	buf_fini(&old);
	/* The deadline first: a crash between the two takes back too much rather than nothing. */
	if (rc == 0)
		rc = keep_confirm(origin, changed);
	shell_heartbeat(origin->proc);
	if (rc == 0)
		rc = history_add(origin->proc->state_dir, origin->order.text, origin->order.len,
		                 &e);
	shell_heartbeat(origin->proc);
	return rc == 0 ? keep_source(origin) : rc;
}

bool origin_confirm_left(const struct origin *origin, uint64_t *ret_ms)
{
	uint64_t now = clock_wall_us();

	if (origin->confirm_until_us == 0)
		return false;
	*ret_ms = now < origin->confirm_until_us ? (origin->confirm_until_us - now) / 1000 + 1 : 0;
	return true;
}

int origin_confirm(struct origin *origin)
{
	if (origin->confirm_until_us == 0)
		return SL_ENOENT;
	origin->confirm_until_us = 0;
	return write_number(origin->proc->state_dir, "confirm", 0);
}

json_t *origin_describe(const struct origin *origin)
{
	json_t *list = history_list(origin->proc->state_dir);
	json_t *front = json_array_get(list, 0);
	json_t *object = front ? json_deep_copy(front) : json_object();
	uint64_t left_ms;

	(void)json_object_del(object, "n");
	if (origin_confirm_left(origin, &left_ms))
		(void)json_object_set_new(object, "confirm_within_s",
		                          json_integer((json_int_t)(left_ms / 1000)));
	json_decref(list);
	return object;
}
