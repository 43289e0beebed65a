/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root makes the data directory and gives it away, then is root no longer; all else is made and
 * opened by the user that serves. What is open is closed in the reverse order, so that the last
 * commit is before the last answer and the store is the last to go.
 */
#include "smsd/run.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/notify.h"
#include "lib/pki/error.h"
#include "lib/pki/file.h"
#include "smsd/api/api.h"
#include "smsd/base/actor.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/data.h"
#include "smsd/device/port.h"
#include "smsd/identity.h"
#include "smsd/ingest/ingest.h"
#include "smsd/job/job.h"
#include "smsd/privilege.h"
#include "smsd/push/push.h"
#include "smsd/store/store.h"
#include "smsd/sweep.h"
#include "smsd/vault/vault.h"

enum {
	SECURE_HEAP = 4 * 1024 * 1024,
	SECURE_LEAST = 32,
	DRAIN_STEP_MS = 20,
	TICK_S = 1,
	AGE_S = 60
};

/* What distributions do by the clock: one at a time, in the pool. */
struct tick {
	struct job job; /* first: the tick is found by it */
	struct push *push;
	bool busy;
	int rc, told; /* what it came to, and what of that was logged */
};

/* The same for events that have had their time. */
struct ageing {
	struct job job; /* first */
	struct ingest *ingest;
	bool busy;
};

struct smsd {
	const struct run_options *options;
	struct problem problem;
	struct api_context context;
	SSL_CTX *ctx, *devices_ctx;
	char first_password[PATH_MAX];
	struct event_base *base;
	struct job_pool *pool;
	struct api *api;
	struct http_server *server;
	struct port *port;
	struct http_server *devices;
	struct sweep *sweep;
	struct event *term, *interrupt, *jobs, *drain, *clock;
	struct tick tick;
	char events[PATH_MAX]; /* directory of their days */
	struct event *ages;
	struct ageing ageing;
	unsigned drain_steps;
};

/* Of the files that the options name; "" without. */
struct passphrases {
	char now[PKI_PASSWORD_MAX], next[PKI_PASSWORD_MAX];
};

/* ---- what is served ---------------------------------------------------------------------- */

static int open_vault(struct smsd *s, const char *passphrase, bool first)
{
	struct vault_source source = {.key_file = s->options->key_file, .passphrase = passphrase};
	char path[PATH_MAX];
	int rc = 0;

	(void)snprintf(path, sizeof(path), "%s/vault.key", s->options->data);
	if (!source.key_file && !passphrase)
		source.key_file = path;
	if (first && source.key_file == path) {
		rc = vault_key_file_make(path, &s->problem);
		if (rc == 0)
			log_warning(
			        "%s is the key of all private keys here: keep it apart from the "
			        "data and its backups, and name it with --key-file",
			        path);
	}
	return rc == 0 ? vault_open(s->context.store, &source, &s->context.vault, &s->problem) : rc;
}

/* With nobody served: whoever has the new source has all from here on, and the old one nothing. */
static int rotate_key(struct smsd *s, const char *passphrase)
{
	struct vault_source source = {.key_file = s->options->new_key_file,
	                              .passphrase = passphrase};
	int rc = 0;

	if (source.key_file && access(source.key_file, F_OK) != 0)
		rc = vault_key_file_make(source.key_file, &s->problem);
	if (rc == 0)
		rc = vault_rotate(s->context.vault, &source, &actor_smsd, &s->problem);
	if (rc == 0)
		log_info("the vault opens by the new %s from now on; backups from before open by "
		         "the old one",
		         passphrase ? "passphrase" : "key file");
	return rc;
}

static int keep_password(void *arg, const char *password)
{
	struct smsd *s = arg;

	return data_write_password(s->options->data, password, &s->problem);
}

static int make_first_person(struct smsd *s)
{
	bool made;
	int rc;

	data_password_path(s->options->data, s->first_password);
	s->context.first_password = s->first_password;
	rc = auth_first_person(s->context.store, keep_password, s, &made);

	if (rc != 0)
		return s->problem.code
		               ? rc
		               : problem_add(&s->problem, rc, "", "",
		                             "the first person cannot be made: %s", err_text(rc));
	if (made)
		log_info("the password of `" AUTH_FIRST_PERSON
		         "` is in %s, until it is changed at the first login",
		         s->first_password);
	return 0;
}

static int open_identity(struct smsd *s)
{
	char fingerprint[IDENTITY_FINGERPRINT_MAX];
	int rc = identity_make(s->options->data, &s->problem);

	if (rc == 0)
		rc = identity_load(s->options->data, &s->ctx, fingerprint, &s->problem);
	if (rc == 0)
		log_info("the certificate of HTTPS has SHA-256 %s", fingerprint);
	return rc;
}

static int open_ingest(struct smsd *s)
{
	struct ingest_options options = {.directory = s->events,
	                                 .keep_days = s->options->events_days,
	                                 .keep_bytes = s->options->events_bytes};

	(void)snprintf(s->events, sizeof(s->events), "%s/events", s->options->data);
	return ingest_open(s->context.store, &options, &s->context.ingest, &s->problem);
}

static int open_all(struct smsd *s, const char *passphrase, bool first)
{
	/* A reader for each thread that may ask at once. */
	int rc = store_open(s->options->data, job_threads(0), &s->context.store, &s->problem);

	if (rc == 0)
		rc = open_vault(s, passphrase, first);
	if (rc == 0)
		rc = make_first_person(s);
	if (rc == 0)
		rc = open_identity(s);
	if (rc == 0)
		rc = device_ca_open(s->context.store, s->context.vault, &s->problem);
	if (rc == 0)
		rc = push_create(s->context.store, s->context.vault, &s->context.push, &s->problem);
	if (rc == 0)
		rc = open_ingest(s);
	return rc;
}

/* ---- the loop ---------------------------------------------------------------------------- */

static void jobs_ended(evutil_socket_t fd, short what, void *arg)
{
	job_reap(((struct smsd *)arg)->pool);
}

static void tick_run(struct job *job)
{
	struct tick *tick = (struct tick *)job;

	tick->rc = push_tick(tick->push, moment_now_ms());
}

/* A fault that stays is said once. */
static void tick_done(struct job *job)
{
	struct tick *tick = (struct tick *)job;

	if (tick->rc != 0 && tick->rc != tick->told)
		log_error("distributions stand still: %s", err_text(tick->rc));
	tick->told = tick->rc;
	tick->busy = false;
}

static void tick_due(evutil_socket_t fd, short what, void *arg)
{
	struct smsd *s = arg;

	if (!s->tick.busy)
		s->tick.busy = job_submit(s->pool, &s->tick.job) == 0;
}

static void age_run(struct job *job)
{
	ingest_tick(((struct ageing *)job)->ingest);
}

static void age_done(struct job *job)
{
	((struct ageing *)job)->busy = false;
}

/* When the pool is full it is done a minute later. */
static void age_due(evutil_socket_t fd, short what, void *arg)
{
	struct smsd *s = arg;

	if (!s->ageing.busy)
		s->ageing.busy = job_submit(s->pool, &s->ageing.job) == 0;
}

/* Until all requests that came have their answer, and it is out. */
static void drain_due(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval step = {.tv_usec = DRAIN_STEP_MS * 1000};
	struct smsd *s = arg;
	bool over = s->drain_steps++ >= RUN_DRAIN_S * 1000 / DRAIN_STEP_MS;

	if (over || (api_pending(s->api) == 0 && http_server_busy(s->server) == 0 &&
	             port_pending(s->port) == 0 && http_server_busy(s->devices) == 0))
		(void)event_base_loopbreak(s->base);
	else
		(void)event_add(s->drain, &step);
}

static void end_asked(evutil_socket_t number, short what, void *arg)
{
	struct smsd *s = arg;

	log_info("ends, for signal %d", (int)number);
	notify_manager("STOPPING=1");
	http_server_close(s->server);
	http_server_close(s->devices);
	port_close(s->port);
	(void)event_del(s->clock);
	(void)event_del(s->ages);
	event_active(s->drain, EV_TIMEOUT, 0);
}

static bool add_signal(struct smsd *s, int number, struct event **ret)
{
	*ret = evsignal_new(s->base, number, end_asked, s);
	return *ret && event_add(*ret, NULL) == 0;
}

/* Certificates of the port are of this start: a stop is the end of their key. */
static int start_devices(struct smsd *s)
{
	struct port_options port = {
	        .base = s->base,
	        .pool = s->pool,
	        .store = s->context.store,
	        .vault = s->context.vault,
	        .above = s->context.push,
	        .ingest = s->context.ingest,
	        .handlers = {[REMOTE_ENROL] = port_enrol,
	                     [REMOTE_RENEW] = port_renew,
	                     [REMOTE_WANTED] = push_wanted,
	                     [REMOTE_DOCUMENT] = push_document,
	                     [REMOTE_FILES] = push_files,
	                     [REMOTE_FILE] = push_file,
	                     [REMOTE_KEYS] = push_keys,
	                     [REMOTE_STATUS] = push_status,
	                     [REMOTE_EVENTS] = ingest_port_events,
	                     [REMOTE_COUNTERS] = ingest_port_counters},
	};
	struct http_options http = {.address = s->options->devices_address,
	                            .port = s->options->devices_port,
	                            .body_max = REMOTE_BODY_MAX,
	                            .connections_max = PORT_CONNECTIONS_MAX,
	                            .source_max = PORT_SOURCE_MAX,
	                            .fn = port_request};
	int rc = device_ca_context(s->context.store, s->context.vault, &s->devices_ctx,
	                           &port.ctx_ends_ms, &s->problem);

	if (rc != 0)
		return rc;
	port.ctx = http.ctx = s->devices_ctx;
	rc = port_create(&port, &s->port);
	if (rc != 0)
		return problem_add(&s->problem, rc, "", "", "devices cannot be served: %s",
		                   err_text(rc));
	push_set_port(s->context.push, s->port);
	http.arg = s->port;
	rc = http_server_create(s->base, &http, &s->devices, &s->problem);
	if (rc != 0)
		return rc;
	s->context.port = s->port;
	s->context.devices_port = http_server_port(s->devices);
	return 0;
}

static bool start_clock(struct smsd *s)
{
	static const struct timeval step = {.tv_sec = TICK_S}, minute = {.tv_sec = AGE_S};

	s->tick.job = (struct job){.run = tick_run, .done = tick_done};
	s->tick.push = s->context.push;
	s->clock = event_new(s->base, -1, EV_PERSIST, tick_due, s);
	s->ageing = (struct ageing){.job = {.run = age_run, .done = age_done},
	                            .ingest = s->context.ingest};
	s->ages = event_new(s->base, -1, EV_PERSIST, age_due, s);
	return s->clock && event_add(s->clock, &step) == 0 && s->ages &&
	       event_add(s->ages, &minute) == 0;
}

static int start_serving(struct smsd *s)
{
	struct http_options http = {.address = s->options->address,
	                            .port = s->options->port,
	                            .ctx = s->ctx,
	                            .body_max = API_BODY_MAX,
	                            .fn = api_request};
	int rc;

	s->base = event_base_new();
	rc = s->base ? job_pool_create(0, &s->pool) : SL_ENOMEM;
	if (rc == 0)
		rc = api_create(s->pool, &s->context, &s->api);
	if (rc == 0)
		rc = sweep_create(s->base, s->pool, s->context.store, &s->options->audit,
		                  &s->sweep);
	if (rc != 0)
		return problem_add(&s->problem, rc, "", "", "smsd cannot serve: %s", err_text(rc));
	s->jobs = event_new(s->base, job_pool_fd(s->pool), EV_READ | EV_PERSIST, jobs_ended, s);
	s->drain = evtimer_new(s->base, drain_due, s);
	if (!s->jobs || !s->drain || event_add(s->jobs, NULL) != 0 || !start_clock(s) ||
	    !add_signal(s, SIGTERM, &s->term) || !add_signal(s, SIGINT, &s->interrupt))
		return problem_add(&s->problem, SL_ENOMEM, "", "", "out of memory");
	http.arg = s->api;
	rc = start_devices(s);
	return rc ? rc : http_server_create(s->base, &http, &s->server, &s->problem);
}

/* Of all connections of both ports, and as many again for what else is open; without it those that
 * come too late wait. */
static void allow_descriptors(void)
{
	const rlim_t want = 2 * (PORT_CONNECTIONS_MAX + HTTP_CONNECTIONS_MAX);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = SL_MIN(want, limit.rlim_max);
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < want)
		log_warning("%llu open files are few for 1000 devices: raise their limit to %llu",
		            (unsigned long long)limit.rlim_cur, (unsigned long long)want);
}

static int serve(struct smsd *s)
{
	int rc;

	allow_descriptors();
	rc = start_serving(s);

	if (rc != 0)
		return rc;
	log_info("devices are served at %s port %u", s->options->devices_address,
	         http_server_port(s->devices));
	log_info("version %s serves at %s port %u", SLUICE_VERSION, s->options->address,
	         http_server_port(s->server));
	notify_manager("READY=1");
	if (event_base_dispatch(s->base) < 0)
		return problem_add(&s->problem, SL_ESYS, "", "", "the event loop failed: %s",
		                   strerror(errno));
	return 0;
}

static void event_drop(struct event *event)
{
	if (event)
		event_free(event);
}

static void close_all(struct smsd *s)
{
	job_pool_destroy(s->pool);
	sweep_destroy(s->sweep);
	event_drop(s->jobs);
	event_drop(s->drain);
	event_drop(s->clock);
	event_drop(s->ages);
	event_drop(s->term);
	event_drop(s->interrupt);
	port_destroy(s->port);
	http_server_destroy(s->devices);
	http_server_destroy(s->server);
	api_destroy(s->api);
	if (s->base)
		event_base_free(s->base);
	libevent_global_shutdown();
	SSL_CTX_free(s->devices_ctx);
	SSL_CTX_free(s->ctx);
	ingest_close(s->context.ingest);
	push_destroy(s->context.push);
	vault_close(s->context.vault);
	if (s->context.store)
		store_close(s->context.store);
}

/* ---- the order of all -------------------------------------------------------------------- */

/* jansson frees without wiping, and what it holds are bodies with passwords and keys. */
static void wiping_free(void *at)
{
	if (at)
		OPENSSL_cleanse(at, malloc_usable_size(at));
	free(at);
}

/* What could not be made is refused data or the system's fault, by where it was. */
static int status_of(int code)
{
	if (code == SL_EBUSY)
		return RUN_BUSY;
	return code == SL_ESYS || code == SL_ENOMEM || code == SL_EIO ? RUN_FAILED : RUN_REFUSED;
}

static int report(struct problem *problem, int status)
{
	for (size_t i = 0; i < problem->count; i++)
		log_critical("%s%s%s", problem->items[i].text,
		             problem->items[i].remedy[0] ? ": " : "", problem->items[i].remedy);
	if (problem->count == 0)
		log_critical("%s", err_text(problem->code));
	return status;
}

static int run_as_user(struct smsd *s, const struct passphrases *given, bool first)
{
	int rc;

	json_set_alloc_funcs(malloc, wiping_free);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Without locked memory (a low limit) keys are still wiped, and core dumps are off. */
	if (CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_LEAST) != 1)
		log_warning("private keys may be swapped out: raise the limit of locked memory to "
		            "%d KiB",
		            SECURE_HEAP / 1024);
	rc = open_all(s, s->options->passphrase_file ? given->now : NULL, first);
	if (rc == 0 && (s->options->new_key_file || s->options->new_passphrase_file))
		rc = rotate_key(s, s->options->new_passphrase_file ? given->next : NULL);
	else if (rc == 0 && !s->options->check)
		rc = serve(s);
	close_all(s);
	return rc == 0 ? RUN_OK : report(&s->problem, status_of(rc));
}

/* While it is root, which may be the only one to read the files. */
static int read_passphrases(struct smsd *s, struct passphrases *given)
{
	const struct run_options *options = s->options;
	struct pki_error err;
	int rc = 0;

	if (options->passphrase_file)
		rc = pki_password_read(options->passphrase_file, given->now, &err);
	if (rc == 0 && options->new_passphrase_file)
		rc = pki_password_read(options->new_passphrase_file, given->next, &err);
	return rc == 0 ? 0 : problem_add_pki(&s->problem, "", &err);
}

static int prepare_and_run(struct smsd *s, struct passphrases *given)
{
	const struct run_options *options = s->options;
	bool first = false;
	uid_t uid;
	gid_t gid;

	if (privilege_user(options->user, &uid, &gid, &s->problem) != 0)
		return report(&s->problem, RUN_PRIVILEGE);
	if (read_passphrases(s, given) != 0)
		return report(&s->problem, RUN_REFUSED);
	if (data_prepare(options->data, uid, gid, &first, &s->problem) != 0)
		return report(&s->problem, RUN_REFUSED);
	if (privilege_drop(uid, gid, &s->problem) != 0)
		return report(&s->problem, RUN_PRIVILEGE);
	return run_as_user(s, given, first);
}

int run(const struct run_options *options)
{
	struct smsd s = {.options = options};
	struct passphrases given = {0};
	int status = prepare_and_run(&s, &given);

	OPENSSL_cleanse(&given, sizeof(given));
	problem_fini(&s.problem);
	return status;
}
