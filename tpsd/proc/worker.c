/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker: TLS and inspection, one process a core. It turns messages into calls of the host of
 * sessions and back. No capability, no file, no socket of its own making.
 */
#include <jansson.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/cli/command.h"
#include "lib/conf/config.h"
#include "lib/conf/image.h"
#include "lib/pki/cert.h"
#include "lib/pki/crl.h"
#include "tpsd/inspect/engine.h"
#include "tpsd/policy/domain.h"
#include "tpsd/proc/heap.h"
#include "tpsd/proc/proc.h"
#include "tpsd/proc/shell.h"
#include "tpsd/session/host.h"
#include "tpsd/session/setup.h"
#include "tpsd/tls/keyclient.h"
#include "tpsd/tls/suite.h"

enum {
	ANSWER_MAX = 128 * 1024,
};

struct worker {
	struct host *host;
	struct keyclient *keys;
	struct setup *prepared;
	uint32_t prepared_revision;
	struct loop_timer deadline; /* of a drain or of the end */
	struct heap heap;
	bool leaving;
	struct proc *proc;
};

/* The parts of a revision that are in the image. */
struct source {
	struct proc *proc;
	const struct conf_image *image;
	struct config *config;
	struct pki_chain *chain; /* of the certificate being made */
};

static int give_certificate(void *arg, uint32_t index, X509 **ret_leaf, STACK_OF(X509) * *ret_chain)
{
	struct source *s = arg;
	const char *name = s->config->certificates[index].name;
	struct pki_error err;
	const void *pem;
	size_t len;
	int rc = conf_image_section_of(s->image, CONF_SECTION_CERTIFICATE, name, &pem, &len);

	pki_chain_destroy(s->chain);
	s->chain = NULL;
	if (rc == 0)
		rc = pki_chain_parse(name, pem, len, &s->chain, &err);
	if (rc != 0)
		return rc;
	*ret_leaf = s->chain->leaf;
	*ret_chain = s->chain->intermediates;
	return 0;
}

static int add_section(const struct conf_image *image, const char *pattern, const char *name,
                       X509_STORE *store)
{
	struct pki_error err;
	const void *pem;
	size_t len;
	int rc = conf_image_section_of(image, pattern, name, &pem, &len);

	return rc == 0 ? pki_store_add_pem(store, name, pem, len, NULL, &err) : rc;
}

static int add_crls(const struct conf_image *image, const char *path, X509_STORE *store)
{
	struct pki_error err;
	const void *der;
	size_t len;
	int rc = conf_image_section_of(image, CONF_SECTION_CRLS, path, &der, &len);

	return rc == 0 ? pki_store_add_crls(store, path, der, len, &err) : rc;
}

static int give_trust_store(void *arg, uint32_t index, X509_STORE *store)
{
	struct source *s = arg;
	const struct config_trust_store *t = &s->config->trust_stores[index];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->ca_certificates_count; i++)
		rc = add_section(s->image, CONF_SECTION_CA_CERTIFICATE, t->ca_certificates[i]->name,
		                 store);
	if (rc == 0 && t->include_default_ca_certificates)
		rc = add_section(s->image, CONF_SECTION_DEFAULT_CA, "", store);
	for (size_t i = 0; rc == 0 && i < t->crls.count; i++) {
		rc = add_crls(s->image, t->crls.items[i], store);
		shell_heartbeat(s->proc); /* megabytes of them take their time */
	}
	return rc;
}

static int give_default_trust(void *arg, X509_STORE *store)
{
	struct source *s = arg;

	return add_section(s->image, CONF_SECTION_DEFAULT_CA, "", store);
}

static int give_decryption(void *arg, const struct config_decryption_policy *policy,
                           struct decryption **ret)
{
	struct source *s = arg;

	return decryption_create(s->image, policy, ret);
}

static int give_inspector(void *arg, const struct config_profile *profile, struct inspector **ret)
{
	struct source *s = arg;

	return engine_inspector_create(s->image, s->config, profile, ret);
}

/* Every worker would say the same: the first one does. Refusals count from all of them. */
static void give_item(void *arg, int status, const char *path, const char *text, const char *remedy)
{
	struct source *s = arg;

	if (status != 0 || s->proc->index == 0)
		proc_refuse_item(s->proc, status, path, text, remedy);
}

static int worker_prepare(struct proc *proc, uint32_t revision, const struct conf_image *image,
                          struct config *config)
{
	struct worker *w = proc->state;
	struct source source = {.proc = proc, .image = image, .config = config};
	const struct setup_source from = {.certificate = give_certificate,
	                                  .trust_store = give_trust_store,
	                                  .default_trust = give_default_trust,
	                                  .decryption = give_decryption,
	                                  .inspector = give_inspector,
	                                  .item = give_item,
	                                  .arg = &source};
	struct setup *setup;
	int rc = setup_create(config, revision, host_capability(w->host), host_keyprov(w->host),
	                      &from, &setup);

	pki_chain_destroy(source.chain);
	if (rc != 0)
		return rc;
	setup_put(w->prepared);
	w->prepared = setup;
	w->prepared_revision = revision;
	return 0;
}

static void worker_commit(struct proc *proc, uint32_t revision)
{
	struct worker *w = proc->state;

	if (!w->prepared || w->prepared_revision != revision)
		return;
	keyclient_set_timeout(w->keys, w->prepared->config->ssl_inspection.key_timeout_ms);
	host_use_setup(w->host, w->prepared);
	setup_put(w->prepared);
	w->prepared = NULL;
}

static void worker_abort(struct proc *proc, uint32_t revision)
{
	struct worker *w = proc->state;

	if (w->prepared_revision != revision)
		return;
	setup_put(w->prepared);
	w->prepared = NULL;
}

static void send_verdict(void *arg, uint64_t flow, enum ipc_action action, enum ipc_reset reset,
                         enum reason reason)
{
	struct ipc_channel *wire = proc_peer(arg, IPC_WIRE, 0);
	struct ipc_message msg = {.type = IPC_VERDICT};

	msg.verdict.flow = flow;
	msg.verdict.action = (uint8_t)action;
	msg.verdict.reset = (uint8_t)reset;
	msg.verdict.reason = (uint16_t)reason;
	if (wire && ipc_send(wire, &msg) != 0)
		log_error("a verdict was lost: the channel to wire is full");
}

static void leave_when_empty(struct worker *w)
{
	if (w->leaving && host_sessions(w->host) == 0)
		proc_exit(w->proc, 0);
}

static void send_ended(void *arg, uint64_t flow, enum reason reason)
{
	struct proc *proc = arg;
	struct worker *w = proc->state;
	struct ipc_channel *wire = proc_peer(proc, IPC_WIRE, 0);
	struct ipc_message msg = {.type = IPC_ENDED};

	msg.ended.flow = flow;
	msg.ended.reason = (uint16_t)reason;
	if (wire && ipc_send(wire, &msg) != 0)
		log_error("the end of a flow was not told: the channel to wire is full");
	heap_note(&w->heap, host_sessions(w->host));
	leave_when_empty(w);
}

/* Before the system call list is in force: libcrypto would read its configuration file later. */
static int worker_setup(struct proc *proc)
{
	if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL)) {
		log_critical("OpenSSL does not start");
		return SL_ECRYPTO;
	}
	/* So that neither opens a file later: strftime for the time zone, jansson for its seed. */
	tzset();
	json_object_seed((size_t)clock_wall_us() | 1);
	heap_tune();
	return 0;
}

static int worker_start(struct proc *proc)
{
	static const struct host_ops ops = {send_verdict, send_ended};
	struct worker *w = calloc(1, sizeof(*w));
	struct host_parts parts = {.loop = proc->loop,
	                           .ring = proc->ring,
	                           .counters = proc->counters,
	                           .learned = proc->learned,
	                           .ops = &ops,
	                           .arg = proc,
	                           .workers = proc->nworkers};
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	if (!w)
		return SL_ENOMEM;
	proc->state = w;
	w->proc = proc;
	w->heap.loop = proc->loop;
	w->keys = keyclient_create(proc->loop);
	if (!w->keys)
		return SL_ENOMEM;
	parts.keys = keyclient_backend(w->keys);
	rc = host_create(&parts, &w->host);
	if (rc != 0)
		log_critical("the worker does not start: %s", err_text(rc));
	return rc;
}

static void worker_peer_up(struct proc *proc, struct ipc_channel *peer)
{
	struct worker *w = proc->state;

	if (ipc_channel_peer(peer) == IPC_KEYS && w)
		keyclient_set_channel(w->keys, peer);
}

/* Without `wire` the flows' entries are gone, and with them the way of their packets. */
static void worker_peer_down(struct proc *proc, struct ipc_channel *peer)
{
	static const struct host_filter everything;
	struct worker *w = proc->state;

	if (!w)
		return;
	if (ipc_channel_peer(peer) == IPC_KEYS)
		keyclient_set_channel(w->keys, NULL);
	else if (ipc_channel_peer(peer) == IPC_WIRE)
		(void)host_clear(w->host, &everything);
}

static void set_own_keys(struct worker *w, const struct ipc_bytes *ids)
{
	host_set_own_keys(w->host, (const uint8_t(*)[KEY_ID_LEN])ids->data, ids->len / KEY_ID_LEN);
}

static void worker_message(struct proc *proc, struct ipc_channel *from,
                           const struct ipc_message *msg, int fds[IPC_FDS_MAX])
{
	struct worker *w = proc->state;

	switch (msg->type) {
	case IPC_HELLO:
		host_hello(w->host, &msg->hello);
		break;
	case IPC_TAKEN:
		host_taken(w->host, msg->taken.flow, fds[0], fds[1]);
		fds[0] = fds[1] = -1;
		break;
	case IPC_GONE:
		host_gone(w->host, msg->gone.flow, (enum reason)msg->gone.reason);
		break;
	case IPC_SIGN_DONE:
		keyclient_answer(w->keys, msg->sign_done.id, msg->sign_done.status,
		                 &msg->sign_done.signature);
		break;
	case IPC_DECRYPT_DONE:
		keyclient_answer(w->keys, msg->decrypt_done.id, msg->decrypt_done.status,
		                 &msg->decrypt_done.secret);
		break;
	case IPC_FORGED:
		keyclient_forged(w->keys, &msg->forged);
		break;
	case IPC_OWN_KEYS:
		set_own_keys(w, &msg->own_keys.ids);
		break;
	case IPC_TICKET_KEY:
		host_add_ticket_key(w->host, msg->ticket_key.generation,
		                    msg->ticket_key.secret.data, msg->ticket_key.secret.len);
		break;
	default:
		break;
	}
}

/* ---- commands ---- */

static int show_sessions(struct worker *w, const json_t *arguments, struct buf *out)
{
	json_int_t limit = json_integer_value(json_object_get(arguments, "limit"));
	const char *text = json_string_value(json_object_get(arguments, "limit"));

	if (text)
		limit = strtoll(text, NULL, 10);
	return host_list_json(w->host, limit > 0 ? (size_t)limit : CLI_SESSIONS_SHOWN, out);
}

static int show_capabilities(struct worker *w, const json_t *arguments, struct buf *out)
{
	return tls_capability_json(host_capability(w->host), out);
}

static int show_failures(struct worker *w, const json_t *arguments, struct buf *out)
{
	return host_failures_json(w->host, out);
}

/* A number as such or as digits, since a command line has only text. */
static uint64_t number_of(const json_t *arguments, const char *key)
{
	const json_t *value = json_object_get(arguments, key);

	return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10)
	                             : (uint64_t)json_integer_value(value);
}

static int show_explain(struct worker *w, const json_t *arguments, struct buf *out)
{
	return host_explain_json(w->host, number_of(arguments, "session"), out);
}

static int show_learned(struct worker *w, const json_t *arguments, struct buf *out)
{
	return host_learned_json(w->host, out);
}

static int clear_learned(struct worker *w, const json_t *arguments, struct buf *out)
{
	const char *name = json_string_value(json_object_get(arguments, "name"));

	return buf_printf(out, "{\"cleared\":%zu}", host_learned_clear(w->host, name));
}

static int address_of(const json_t *arguments, const char *key, struct addr *addr,
                      const struct addr **ret)
{
	const char *text = json_string_value(json_object_get(arguments, key));
	int rc = text ? addr_parse(text, addr) : 0;

	*ret = text && rc == 0 ? addr : NULL;
	return rc;
}

static int show_decisions(struct worker *w, const json_t *arguments, struct buf *out)
{
	uint64_t port = number_of(arguments, "port");
	struct host_question q = {.name = json_string_value(json_object_get(arguments, "name")),
	                          .port = (uint16_t)port};
	struct addr client, server;
	bool any_port = !json_object_get(arguments, "port");
	int rc = q.name && port <= UINT16_MAX && (port > 0 || any_port) ? 0 : SL_EINVAL;

	if (rc == 0)
		rc = address_of(arguments, "client", &client, &q.client);
	if (rc == 0)
		rc = address_of(arguments, "server", &server, &q.server);
	return rc == 0 ? host_decisions_json(w->host, &q, out) : rc;
}

static int clear_sessions(struct worker *w, const json_t *arguments, struct buf *out)
{
	struct host_filter filter = {.flow = number_of(arguments, "session")};
	struct addr client, server;
	int rc = address_of(arguments, "client", &client, &filter.client);

	if (rc == 0)
		rc = address_of(arguments, "server", &server, &filter.server);
	if (rc != 0)
		return rc;
	return buf_printf(out, "{\"cleared\":%zu}", host_clear(w->host, &filter));
}

static bool read_exception(const json_t *entry, struct host_exception *e)
{
	const char *what = json_string_value(json_object_get(entry, "what"));
	const char *value = json_string_value(json_object_get(entry, "value"));

	if (!what || !value)
		return false;
	*e = (struct host_exception){.kind = HOST_EXCEPT_DOMAIN};
	if (strcmp(what, "domain") == 0) {
		if (strlen(value) >= sizeof(e->domain))
			return false;
		memcpy(e->domain, value, strlen(value) + 1);
		return true;
	}
	e->kind = strcmp(what, "client") == 0 ? HOST_EXCEPT_CLIENT : HOST_EXCEPT_SERVER;
	return addr_parse(value, &e->addr) == 0;
}

/* R157, steps 1 and 2; the third is the wire's. */
static int set_panic(struct worker *w, const json_t *arguments, struct buf *out)
{
	const json_t *list = json_object_get(arguments, "exceptions"), *entry;
	struct host_exception exceptions[HOST_EXCEPTIONS_MAX];
	size_t i, n = 0;

	json_array_foreach(list, i, entry)
	{
		if (n < HOST_EXCEPTIONS_MAX && read_exception(entry, &exceptions[n]))
			n++;
	}
	host_set_exceptions(w->host, exceptions, n);
	host_pause(w->host, json_integer_value(json_object_get(arguments, "step")) >= 2);
	return buf_printf(out, "{}");
}

static void deadline_passed(struct loop_timer *timer)
{
	static const struct host_filter everything;
	struct worker *w = (struct worker *)((char *)timer - offsetof(struct worker, deadline));

	(void)host_clear(w->host, &everything);
	leave_when_empty(w);
}

static int drain(struct worker *w, const json_t *arguments, struct buf *out)
{
	json_int_t ms = json_integer_value(json_object_get(arguments, "deadline_ms"));
	bool on = json_is_true(json_object_get(arguments, "on"));

	host_pause(w->host, on);
	loop_timer_cancel(&w->deadline);
	if (on && ms > 0)
		(void)loop_timer_set(w->proc->loop, &w->deadline, (uint64_t)ms * CLOCK_NS_PER_MS,
		                     deadline_passed);
	return buf_printf(out, "{\"sessions\":%zu}", host_sessions(w->host));
}

static const struct {
	const char *name;
	int (*run)(struct worker *w, const json_t *arguments, struct buf *out);
} commands[] = {
        {"sessions", show_sessions},   {"capabilities", show_capabilities},
        {"failures", show_failures},   {"explain", show_explain},
        {"clear", clear_sessions},     {"session_clear", clear_sessions},
        {"panic", set_panic},          {"drain", drain},
        {"learned", show_learned},     {"learned_clear", clear_learned},
        {"decisions", show_decisions},
};

static void worker_command(struct proc *proc, uint64_t id, const char *name,
                           const char *arguments_json)
{
	json_t *arguments = json_loads(arguments_json, 0, NULL);
	int rc = SL_EUNSUPPORTED;
	struct buf out;

	buf_init(&out, ANSWER_MAX);
	for (size_t i = 0; i < SL_ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			rc = commands[i].run(proc->state, arguments, &out);
	if (rc == 0)
		proc_answer(proc, id, 0, buf_text(&out), out.len, false);
	else
		proc_answer(proc, id, rc, "null", 4, false);
	buf_fini(&out);
	json_decref(arguments);
}

static void worker_shutdown(struct proc *proc, uint32_t deadline_ms)
{
	struct worker *w = proc->state;

	w->leaving = true;
	host_pause(w->host, true);
	if (deadline_ms > 0 && host_sessions(w->host) > 0 &&
	    loop_timer_set(proc->loop, &w->deadline, deadline_ms * CLOCK_NS_PER_MS,
	                   deadline_passed) == 0)
		return;
	deadline_passed(&w->deadline);
}

static void worker_stop(struct proc *proc)
{
	struct worker *w = proc->state;

	if (!w)
		return;
	w->leaving = false;
	loop_timer_cancel(&w->deadline);
	host_destroy(w->host);
	setup_put(w->prepared);
	keyclient_destroy(w->keys);
	free(w);
	proc->state = NULL;
}

const struct proc_ops worker_ops = {
        .setup = worker_setup,
        .start = worker_start,
        .prepare = worker_prepare,
        .commit = worker_commit,
        .abort = worker_abort,
        .peer_up = worker_peer_up,
        .peer_down = worker_peer_down,
        .message = worker_message,
        .command = worker_command,
        .shutdown = worker_shutdown,
        .stop = worker_stop,
};
