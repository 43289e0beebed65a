/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Becoming an SMS's device, and staying it: a token is redeemed with a key made here, and at two
 * thirds of the certificate's life another key takes its place. What there was before stays until
 * the new is on the disk.
 */
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/base64.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/link/store.h"
#include "tpsd/proc/proc.h"

enum { ENROL_S = 40, RENEW_RETRY_S = 3600, TIMER_MAX_S = 24 * 3600 };

/* The key and certificate as they are to be from the next start on. */
static int save_identity(struct link *link, const struct identity *identity)
{
	struct buf text;
	int rc;

	buf_init(&text, IDENTITY_TEXT_MAX);
	rc = identity_write(identity, &text);
	if (rc == 0)
		rc = store_write(link->store, "identity.pem", text.data, text.len);
	if (text.data)
		OPENSSL_cleanse(text.data, text.size);
	buf_fini(&text);
	return rc;
}

static json_t *request_of(const struct identity *identity)
{
	struct buf pem;
	json_t *value = NULL;

	buf_init(&pem, IDENTITY_TEXT_MAX);
	if (identity_request(identity, &pem) == 0)
		value = json_stringn((const char *)pem.data, pem.len);
	buf_fini(&pem);
	return value;
}

/* ---- enrolling --------------------------------------------------------------------------- */

void enrol_stop(struct link *link)
{
	struct enrolment *e = &link->enrolment;

	https_close(e->https);
	identity_fini(&e->identity);
	*e = (struct enrolment){.https = NULL};
}

static void fail(struct link *link, int status, const char *text)
{
	uint64_t command = link->enrolment.command;

	enrol_stop(link);
	command_refuse(link, command, status, text);
}

static json_t *held_text(const struct held *held)
{
	void *text = held->size ? mmap(NULL, held->size, PROT_READ, MAP_SHARED, held->fd, 0)
	                        : MAP_FAILED;
	json_t *value;

	if (text == MAP_FAILED)
		return json_string("");
	value = json_stringn(text, held->size);
	(void)munmap(text, held->size);
	return value;
}

static json_t *body_of(struct link *link, const char *token)
{
	char sealing[BASE64_CHARS(sizeof(link->sealing_key)) + 1];

	(void)base64_encode(link->sealing_key, sizeof(link->sealing_key), sealing);
	return json_pack("{s:s, s:o, s:s, s:o, s:o}", "token", token, "request",
	                 request_of(&link->enrolment.identity), "sealing_key", sealing,
	                 "capabilities", tell_capabilities(link), "document",
	                 held_text(&link->held));
}

static const char *text_of(const json_t *value, const char *key)
{
	const char *text = json_string_value(json_object_get(value, key));

	return text ? text : "";
}

static int take_over(struct link *link, const json_t *value)
{
	struct enrolment *e = &link->enrolment;
	const char *pem = text_of(value, "certificate");
	int rc = identity_certify(&e->identity, pem, strlen(pem));

	(void)snprintf(e->record.name, sizeof(e->record.name), "%s", text_of(value, "name"));
	if (rc == 0)
		rc = save_identity(link, &e->identity);
	return rc;
}

/* What is in force counts as told with the enrolment; revisions are the new SMS's. */
static void become(struct link *link)
{
	struct enrolment *e = &link->enrolment;
	uint64_t command = e->command;

	link_disconnect(link);
	identity_fini(&link->identity);
	link->identity = e->identity;
	link->record = e->record;
	e->identity = (struct identity){.key = NULL};
	enrol_stop(link);
	link_save(link);
	log_info("enrolled as %s at the SMS %s, port %u", link->record.name, link->record.address,
	         link->record.port);
	if (link_connect(link) != 0)
		log_error("the link to the SMS cannot be started; 'tpsd' has to be restarted");
	command_answer(
	        link, command,
	        json_pack("{s:s, s:s}", "name", link->record.name, "sms", link->record.address));
}

static void on_enrolled(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct answer answer = {.status = in->status};
	int rc;

	link->enrolment.call = NULL;
	if (in->status == 0)
		answer_read(REMOTE_ENROL, in->http, in->data, in->len, &answer);
	else
		(void)snprintf(answer.text, sizeof(answer.text), "%s", in->why);
	rc = answer.status;
	if (rc == 0) {
		rc = take_over(link, answer.value);
		(void)snprintf(answer.text, sizeof(answer.text),
		               "the certificate that the SMS gave cannot be kept: %s",
		               err_text(rc));
	}
	if (rc == 0)
		become(link);
	else
		fail(link, rc, answer.text);
	answer_fini(&answer);
}

static int begin(struct link *link, const char *token, const struct https_peer *peer)
{
	struct enrolment *e = &link->enrolment;
	int rc = identity_make(&e->identity);

	if (rc == 0)
		rc = https_open(link->proc->loop, peer, &e->https);
	if (rc == 0)
		rc = link_call_at(e->https, REMOTE_ENROL, "", body_of(link, token), ENROL_S, true,
		                  on_enrolled, link, &e->call);
	return rc;
}

/* "name", "name:port", "1.2.3.4:port", "fe80::1", "[fe80::1]:port". */
static bool split_address(const char *text, char address[RECORD_ADDRESS_MAX], uint16_t *ret_port)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
	const char *port = NULL;
	size_t len = strlen(text);
	unsigned long number = REMOTE_PORT;
	char *rest = NULL;

	if (text[0] == '[' && end) {
		port = end[1] == ':' ? end + 2 : NULL;
		if (!port && end[1])
			return false;
		text++;
		len = (size_t)(end - text);
	} else if (end && !strchr(end + 1, ':')) {
		port = end + 1;
		len = (size_t)(end - text);
	}
	if (port)
		number = strtoul(port, &rest, 10);
	if ((port && (rest == port || *rest)) || number < 1 || number > UINT16_MAX || len == 0 ||
	    len >= RECORD_ADDRESS_MAX)
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	*ret_port = (uint16_t)number;
	return true;
}

void enrol_command(struct link *link, uint64_t id, const json_t *arguments)
{
	struct enrolment *e = &link->enrolment;
	const char *text = text_of(arguments, "text");
	char address[RECORD_ADDRESS_MAX];
	struct https_peer peer = {.address = address};
	struct remote_token token;
	int rc = 0;

	if (e->https) {
		command_refuse(link, id, SL_EBUSY, "another enrolment is going on");
		return;
	}
	if (!link->have_sealing_key) {
		command_refuse(link, id, SL_EAGAIN,
		               "keys has no sealing key yet; see the system log");
		return;
	}
	if (!split_address(text_of(arguments, "address"), address, &peer.port)) {
		command_refuse(link, id, SL_EINVAL, "that is no address: NAME or NAME:PORT");
		return;
	}
	if (remote_token_parse(text, &token) != 0) {
		command_refuse(link, id, SL_EMALFORMED,
		               "that is no token of this version: \"slt1.\" and three parts");
		return;
	}
	memcpy(peer.pin, token.pin, sizeof(peer.pin));
	OPENSSL_cleanse(&token, sizeof(token));
	*e = (struct enrolment){.command = id};
	e->record =
	        (struct record){.port = peer.port, .state = REMOTE_STATE_CONFIRMED, .told = true};
	memcpy(e->record.pin, peer.pin, sizeof(peer.pin));
	(void)snprintf(e->record.address, sizeof(e->record.address), "%s", address);
	rc = begin(link, text, &peer);
	if (rc != 0)
		fail(link, rc, rc == SL_EINVAL ? "that is no address" : err_text(rc));
}

/* ---- renewing ---------------------------------------------------------------------------- */

static void on_renew(struct loop_timer *timer);

static void renew_after_s(struct link *link, int64_t s)
{
	s = SL_MAX(1, SL_MIN(s, (int64_t)TIMER_MAX_S));
	(void)loop_timer_set(link->proc->loop, &link->renewal.timer, (uint64_t)s * CLOCK_NS_PER_S,
	                     on_renew);
}

static int take_renewed(struct link *link, const json_t *value)
{
	struct renewal *r = &link->renewal;
	const char *pem = text_of(value, "certificate");
	int rc = identity_certify(&r->identity, pem, strlen(pem));

	return rc == 0 ? save_identity(link, &r->identity) : rc;
}

static void on_renewed(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct renewal *r = &link->renewal;
	struct answer answer;
	int rc;

	r->call = NULL;
	if (!link_take(link, REMOTE_RENEW, in, &answer))
		return;
	rc = answer.status == 0 ? take_renewed(link, answer.value) : answer.status;
	answer_fini(&answer);
	if (rc != 0) {
		log_warning("SMS: the certificate was not renewed (%s); tried again", err_text(rc));
		identity_fini(&r->identity);
		renew_after_s(link, SL_MIN((int64_t)60 << SL_MIN(r->failures, 6u),
		                           (int64_t)RENEW_RETRY_S));
		r->failures++;
		return;
	}
	log_info("SMS: the certificate was renewed");
	link_disconnect(link);
	identity_fini(&link->identity);
	link->identity = r->identity;
	r->identity = (struct identity){.key = NULL};
	if (link_connect(link) != 0)
		log_error("the link to the SMS cannot be started again");
}

static void on_renew(struct loop_timer *timer)
{
	struct link *link =
	        (struct link *)(void *)((char *)timer - offsetof(struct link, renewal.timer));
	struct renewal *r = &link->renewal;
	int64_t left = identity_renew_at(&link->identity) - clock_wall_s();
	int rc;

	if (r->call)
		return;
	if (left > 0) {
		renew_after_s(link, left);
		return;
	}
	identity_fini(&r->identity);
	rc = identity_make(&r->identity);
	if (rc == 0)
		rc = link_call(link, REMOTE_RENEW, "",
		               json_pack("{s:o}", "request", request_of(&r->identity)), LINK_CALL_S,
		               false, on_renewed, &r->call);
	if (rc != 0)
		renew_after_s(link, RENEW_RETRY_S);
}

void renew_start(struct link *link)
{
	link->renewal.failures = 0;
	on_renew(&link->renewal.timer);
}

void renew_stop(struct link *link)
{
	loop_timer_cancel(&link->renewal.timer);
	https_cancel(link->renewal.call);
	link->renewal.call = NULL;
}
