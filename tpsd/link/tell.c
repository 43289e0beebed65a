/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the SMS hears of the device: what became of the revision, the document in force, what the
 * device can do and how it is. One call at a time; what changed meanwhile is told by the next.
 * While a document has to prove good each call has a connection of its own, since that is the
 * proof.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/conf/version.h"
#include "lib/event/counter.h"
#include "tpsd/link/health.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/link/store.h"
#include "tpsd/proc/proc.h"
#include "tpsd/tls/suite.h"

enum { SOON_MS = 20 };

static const char *const features[] = {"key_id", "confirm", "sealed_keys"};

static void on_timer(struct loop_timer *timer);

static void after_ns(struct link *link, uint64_t ns)
{
	(void)loop_timer_set(link->proc->loop, &link->teller.timer, ns, on_timer);
}

/* ---- what is said ------------------------------------------------------------------------ */

json_t *tell_capabilities(const struct link *link)
{
	json_t *protocols = json_array(), *suites = json_array(), *names = json_array();
	struct tls_capability cap;

	if (tls_capability_probe(&cap) != 0)
		cap = (struct tls_capability){.protocols = 0};
	for (unsigned p = 0; p < 32 && cap.protocols >> p; p++)
		if (cap.protocols & 1u << p)
			(void)json_array_append_new(
			        protocols,
			        json_string(tls_protocol_name((enum config_tls_protocol)p)));
	for (size_t i = 0; conf_suite_at(i); i++)
		if (cap.suites & 1ull << i)
			(void)json_array_append_new(suites, json_string(conf_suite_at(i)->name));
	for (size_t i = 0; i < SL_ARRAY_LEN(features); i++)
		(void)json_array_append_new(names, json_string(features[i]));
	return json_pack("{s:s, s:s, s:i, s:s, s:i, s:o, s:o, s:o}", "model", "vTPS", "version",
	                 SLUICE_VERSION, "document_version", (int)conf_version(), "files",
	                 store_files_path(link->store), "certificates_max",
	                 (int)CONFIG_CERTIFICATES_MAX, "protocols", protocols, "suites", suites,
	                 "features", names);
}

static const char *inspection(const struct link *link)
{
	const struct proc *proc = link->proc;
	uint64_t stamp = __atomic_load_n(&proc->heartbeats[PROC_SLOT_WIRE], __ATOMIC_ACQUIRE);
	const struct health_facts facts = {
	        .configured = link->held.revision != 0,
	        .wire_silent = (int64_t)(clock_now_ns() - stamp) >
	                       (int64_t)(PROC_HEARTBEAT_MAX_MS * CLOCK_NS_PER_MS),
	        .draining = counter_sum(proc->counter_file, COUNTER_draining) != 0,
	        .panic_step = (unsigned)counter_sum(proc->counter_file, COUNTER_panic_step),
	};

	return health_inspection(&facts);
}

void tell_if_changed(struct link *link)
{
	const char *word = inspection(link);

	if (link->teller.inspection && strcmp(word, link->teller.inspection) != 0)
		tell(link);
}

static json_t *health(struct link *link)
{
	const struct counter_file *counters = link->proc->counter_file;
	uint64_t up_ns = clock_now_ns() - link->started_ns;

	link->teller.inspection = inspection(link);
	return json_pack("{s:I, s:I, s:I, s:s, s:I}", "uptime_s",
	                 (json_int_t)(up_ns / CLOCK_NS_PER_S), "sessions",
	                 (json_int_t)counter_sum(counters, COUNTER_active), "keys_missing",
	                 (json_int_t)counter_sum(counters, COUNTER_keys_missing), "inspection",
	                 link->teller.inspection, "memory_kib",
	                 (json_int_t)counter_sum(counters, COUNTER_memory_kib));
}

/* The text of the document in force; NULL: no memory. */
static json_t *document(const struct held *held)
{
	void *text = held->size ? mmap(NULL, held->size, PROT_READ, MAP_SHARED, held->fd, 0)
	                        : MAP_FAILED;
	json_t *value;

	if (text == MAP_FAILED)
		return NULL;
	value = json_stringn(text, held->size);
	(void)munmap(text, held->size);
	return value;
}

static bool is_of_sms(const struct link *link)
{
	return memcmp(link->held.sha256, link->record.sha256, 32) == 0 &&
	       (link->record.state == REMOTE_STATE_IN_FORCE ||
	        link->record.state == REMOTE_STATE_CONFIRMED);
}

/* The SMS has its own documents; any other is told once. */
static bool is_news(const struct link *link)
{
	const struct teller *t = &link->teller;

	return link->held.revision != 0 && !is_of_sms(link) &&
	       !(t->knows && memcmp(t->known, link->held.sha256, 32) == 0);
}

static void add_revision(struct link *link, json_t *body)
{
	struct teller *t = &link->teller;
	bool applying = link->state == LINK_APPLYING;

	t->revision = applying ? link->follow.wanted.revision : link->record.revision;
	t->state = applying ? REMOTE_STATE_FETCHED : link->record.state;
	if (t->revision == 0)
		return;
	(void)json_object_set_new(body, "revision", json_integer(t->revision));
	(void)json_object_set_new(body, "state", json_string(remote_state_name(t->state)));
	if (applying)
		return;
	if (link->record.text[0])
		(void)json_object_set_new(body, "text", json_string(link->record.text));
	if (t->items && !link->record.told)
		(void)json_object_set(body, "items", t->items);
}

static json_t *status(struct link *link)
{
	struct teller *t = &link->teller;
	json_t *body = json_pack("{s:o}", "health", health(link));
	char hex[65];

	add_revision(link, body);
	memcpy(t->sha256, link->held.sha256, 32);
	if (link->held.revision != 0)
		(void)json_object_set_new(body, "sha256",
		                          json_string(hex_text(link->held.sha256, 32, hex)));
	if (is_news(link))
		(void)json_object_set_new(body, "document", document(&link->held));
	if (!t->capabilities)
		(void)json_object_set_new(body, "capabilities", tell_capabilities(link));
	licence_tell(link, body);
	if (link->panic.has_row && link->panic.done)
		(void)json_object_set_new(body, "panic",
		                          json_integer((json_int_t)link->panic.number));
	return body;
}

/* ---- the call ---------------------------------------------------------------------------- */

static void told(struct link *link)
{
	struct teller *t = &link->teller;
	struct record *r = &link->record;

	t->failures = 0;
	t->capabilities = t->knows = true;
	memcpy(t->known, t->sha256, 32);
	if (t->proving && r->state == REMOTE_STATE_IN_FORCE)
		link->prover.reached = true;
	if (t->revision == r->revision && t->state == r->state && !r->told) {
		r->told = true;
		link_save(link);
	}
}

static void on_told(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct teller *t = &link->teller;
	struct answer answer;

	t->call = NULL;
	if (!link_take(link, REMOTE_STATUS, in, &answer))
		return;
	if (answer.status == 0)
		told(link);
	else if (answer.status != SL_ECLOSED && answer.status != SL_ETIMEOUT)
		log_warning("SMS: status: %s", answer.text);
	if (answer.status == 0)
		after_ns(link, t->wanted ? SOON_MS * CLOCK_NS_PER_MS
		                         : (uint64_t)LINK_STATUS_S * CLOCK_NS_PER_S);
	else
		after_ns(link, link_backoff_ns(t->failures++));
	answer_fini(&answer);
}

static void on_timer(struct loop_timer *timer)
{
	struct link *link =
	        (struct link *)(void *)((char *)timer - offsetof(struct link, teller.timer));
	struct teller *t = &link->teller;
	int rc;

	if (t->call)
		return;
	t->wanted = false;
	t->proving = link->record.state == REMOTE_STATE_IN_FORCE;
	rc = link_call(link, REMOTE_STATUS, "", status(link), LINK_CALL_S, t->proving, on_told,
	               &t->call);
	if (rc != 0)
		after_ns(link, link_backoff_ns(t->failures++));
}

void tell(struct link *link)
{
	if (!link->https)
		return;
	link->teller.wanted = true;
	if (!link->teller.call)
		after_ns(link, SOON_MS * CLOCK_NS_PER_MS);
}

void tell_start(struct link *link)
{
	link->teller.capabilities = link->teller.knows = false;
	link->teller.failures = 0;
	tell(link);
}

void tell_stop(struct link *link)
{
	loop_timer_cancel(&link->teller.timer);
	https_cancel(link->teller.call);
	link->teller.call = NULL;
}
