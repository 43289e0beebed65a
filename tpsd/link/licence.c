/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The licence that the SMS has for its devices: what an answer to `wanted` says of it is fetched by
 * its digest and goes to `control`, which verifies and keeps it, and says what the device may. A
 * licence is handled once; one that is refused is tried again after a while and with each new
 * document, which may bring other keys. An SMS that has none takes nothing away.
 */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/base/log.h"
#include "lib/ipc/channel.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/proc/proc.h"

enum { FETCH_S = 60, REFUSED_S = 600 };

static const uint8_t none[LICENCE_DIGEST];

static bool is_handled(const struct link *link)
{
	const struct licensed *l = &link->licence;

	return memcmp(l->wanted, none, sizeof(none)) == 0 ||
	       memcmp(l->wanted, link->record.licence, sizeof(l->wanted)) == 0;
}

static void fetch(struct link *link);

static void on_timer(struct loop_timer *timer)
{
	fetch((struct link *)(void *)((char *)timer - offsetof(struct link, licence.timer)));
}

static void later(struct link *link, uint64_t ns)
{
	(void)loop_timer_set(link->proc->loop, &link->licence.timer, ns, on_timer);
}

static void failed(struct link *link, const char *why)
{
	struct licensed *l = &link->licence;

	if (l->failures == 0)
		log_warning("SMS: the licence cannot be fetched: %s; tried again", why);
	later(link, link_backoff_ns(l->failures++));
}

/* What `control` answers with LICENCES; one that does not is given it again. */
static const char *hand_over(struct link *link, const struct https_answer *in)
{
	struct ipc_channel *control = proc_peer(link->proc, IPC_CONTROL, 0);
	struct ipc_message msg = {.type = IPC_LICENCE};
	uint8_t digest[LICENCE_DIGEST];
	const char *why = NULL;
	int fd;

	(void)SHA256(in->data, in->len, digest);
	if (in->len == 0 || in->len > REMOTE_LICENCE_MAX ||
	    memcmp(digest, link->licence.wanted, sizeof(digest)) != 0)
		return "it has another digest than the SMS says";
	fd = link_make_memfd("sms-licence", in->data, in->len);
	if (fd < 0)
		return err_text(SL_ESYS);
	msg.licence.size = in->len;
	msg.licence.sha256 = (struct ipc_bytes){digest, sizeof(digest)};
	if (!control || ipc_send_fds(control, &msg, &fd, 1) != 0)
		why = "control does not take it";
	(void)close(fd);
	return why;
}

static void on_fetched(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct answer answer;
	const char *why;

	link->licence.call = NULL;
	if (!link_take(link, REMOTE_FILE, in, &answer))
		return;
	why = answer.status == 0 ? hand_over(link, in) : answer.text;
	if (why)
		failed(link, why);
	else
		later(link, (uint64_t)FETCH_S * CLOCK_NS_PER_S);
	answer_fini(&answer);
}

static void fetch(struct link *link)
{
	struct licensed *l = &link->licence;
	char query[96], hex[65];
	int rc;

	loop_timer_cancel(&l->timer);
	https_cancel(l->call);
	l->call = NULL;
	if (!link->https || is_handled(link))
		return;
	(void)snprintf(query, sizeof(query), "sha256=%s&offset=0",
	               hex_text(l->wanted, sizeof(l->wanted), hex));
	rc = link_call(link, REMOTE_FILE, query, NULL, FETCH_S, false, on_fetched, &l->call);
	if (rc != 0)
		failed(link, err_text(rc));
}

void licence_take(struct link *link, const json_t *wanted)
{
	struct licensed *l = &link->licence;
	const char *text = json_string_value(json_object_get(wanted, "licence"));
	uint8_t digest[LICENCE_DIGEST] = {0};

	if (!text || (text[0] && !answer_unhex(text, digest, sizeof(digest))))
		return;
	if (!l->has_row)
		tell(link);
	l->has_row = true;
	if (memcmp(digest, l->wanted, sizeof(digest)) == 0)
		return;
	memcpy(l->wanted, digest, sizeof(digest));
	l->refused[0] = '\0';
	l->failures = 0;
	fetch(link);
}

void licence_on_licences(struct link *link, const struct ipc_licences *msg)
{
	struct licensed *l = &link->licence;
	bool ours = msg->sha256.len == sizeof(l->wanted) &&
	            memcmp(msg->sha256.data, l->wanted, sizeof(l->wanted)) == 0;

	json_decref(l->states);
	l->states = json_loadb((const char *)msg->json.data, msg->json.len, 0, NULL);
	if (ours && msg->status == 0) {
		loop_timer_cancel(&l->timer);
		l->refused[0] = '\0';
		memcpy(link->record.licence, l->wanted, sizeof(l->wanted));
		link_save(link);
		log_info("SMS: its licence is taken");
	} else if (ours) {
		(void)snprintf(l->refused, sizeof(l->refused), "%.*s", IPC_TEXT(msg->text));
		later(link, (uint64_t)REFUSED_S * CLOCK_NS_PER_S);
	}
	tell(link);
}

/* Another document is in force, or `control` was started again. */
void licence_again(struct link *link)
{
	link->licence.failures = 0;
	fetch(link);
}

void licence_tell(const struct link *link, json_t *status)
{
	const struct licensed *l = &link->licence;
	char hex[65] = "";
	json_t *value;

	if (!l->has_row || !l->states)
		return;
	if (memcmp(link->record.licence, none, sizeof(none)) != 0)
		(void)hex_text(link->record.licence, sizeof(link->record.licence), hex);
	value = json_pack("{s:s, s:s, s:O}", "sha256", hex, "refused", l->refused, "states",
	                  l->states);
	(void)json_object_set_new(status, "licence", value);
}

/* What was handled last is said until the SMS says another. */
void licence_start(struct link *link)
{
	memcpy(link->licence.wanted, link->record.licence, sizeof(link->licence.wanted));
	link->licence.has_row = false;
	link->licence.refused[0] = '\0';
	link->licence.failures = 0;
}

void licence_stop(struct link *link)
{
	loop_timer_cancel(&link->licence.timer);
	https_cancel(link->licence.call);
	link->licence.call = NULL;
}
