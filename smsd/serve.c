/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd while it serves: the loop of the event thread with both ports, what is done by the clock,
 * and the end, which waits until all requests have their answer.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/notify.h"
#include "smsd/alert/alert.h"
#include "smsd/base/moment.h"
#include "smsd/device/port.h"
#include "smsd/forward/forward.h"
#include "smsd/ingest/ingest.h"
#include "smsd/package/package.h"
#include "smsd/push/licence.h"
#include "smsd/push/push.h"
#include "smsd/run_priv.h"
#include "smsd/sweep.h"

enum { DRAIN_STEP_MS = 20, TICK_S = 1, AGE_S = 60 };

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

static void look_run(struct job *job)
{
	int rc = packages_tick(((struct look *)job)->packages, moment_now_ms());

	if (rc < 0)
		log_warning("sources of packages cannot be looked at: %s", err_text(rc));
}

static void look_done(struct job *job)
{
	((struct look *)job)->busy = false;
}

static void look_due(struct smsd *s)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(s->looks); i++)
		if (!s->looks[i].busy)
			s->looks[i].busy = job_submit(s->pool, JOB_PEOPLE, &s->looks[i].job) == 0;
}

static void tick_due(evutil_socket_t fd, short what, void *arg)
{
	struct smsd *s = arg;

	if (!s->tick.busy)
		s->tick.busy = job_submit(s->pool, JOB_PEOPLE, &s->tick.job) == 0;
	look_due(s);
}

static void age_run(struct job *job)
{
	struct ageing *ageing = (struct ageing *)job;

	ingest_tick(ageing->ingest);
	ageing->rc = alerts_tick(ageing->alerts, moment_now_ms());
}

static void age_done(struct job *job)
{
	struct ageing *ageing = (struct ageing *)job;

	if (ageing->rc != 0 && ageing->rc != ageing->told)
		log_error("alerts stand still: %s", err_text(ageing->rc));
	ageing->told = ageing->rc;
	ageing->busy = false;
}

/* When the pool is full it is done a minute later. */
static void age_due(evutil_socket_t fd, short what, void *arg)
{
	struct smsd *s = arg;

	if (!s->ageing.busy)
		s->ageing.busy = job_submit(s->pool, JOB_PEOPLE, &s->ageing.job) == 0;
}

/* Until all requests that came have their answer, and it is out. */
static void drain_due(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval step = {.tv_usec = DRAIN_STEP_MS * 1000};
	struct smsd *s = arg;
	unsigned busy = api_pending(s->api) + http_server_busy(s->server) + port_pending(s->port) +
	                http_server_busy(s->devices);
	bool over = s->drain_steps++ >= RUN_DRAIN_S * 1000 / DRAIN_STEP_MS;

	if (busy > 0 && over)
		log_warning("some had no answer after %d s", RUN_DRAIN_S);
	if (busy == 0 || over)
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
	api_close(s->api);
	packages_stop(s->context.packages);
	(void)event_del(s->clock);
	(void)event_del(s->ages);
	event_active(s->drain, EV_TIMEOUT, 0);
}

static bool add_signal(struct smsd *s, int number, struct event **ret)
{
	*ret = evsignal_new(s->base, number, end_asked, s);
	return *ret && event_add(*ret, NULL) == 0;
}

/* Devices fetch what they get of other kinds with their documents. */
static void on_install(void *arg, enum package_kind kind)
{
	if (kind == PACKAGE_LICENCE)
		licence_changed(arg);
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
	        .alerts = s->alerts,
	        .handlers = {[REMOTE_ENROL] = port_enrol,
	                     [REMOTE_RENEW] = port_renew,
	                     [REMOTE_WANTED] = push_wanted,
	                     [REMOTE_DOCUMENT] = push_document,
	                     [REMOTE_FILES] = push_files,
	                     [REMOTE_FILE] = push_file,
	                     [REMOTE_BUNDLE] = push_bundle,
	                     [REMOTE_KEYS] = push_keys,
	                     [REMOTE_STATUS] = alert_port_status,
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
	packages_on_install(s->context.packages, on_install, s->context.push);
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
	for (size_t i = 0; i < SL_ARRAY_LEN(s->looks); i++)
		s->looks[i] = (struct look){.job = {.run = look_run, .done = look_done},
		                            .packages = s->context.packages};
	s->clock = event_new(s->base, -1, EV_PERSIST, tick_due, s);
	s->ageing = (struct ageing){.job = {.run = age_run, .done = age_done},
	                            .ingest = s->context.ingest,
	                            .alerts = s->alerts};
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
		rc = api_create(s->base, s->pool, &s->context, &s->api);
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
	rc = forward_start(s->context.forward, &s->problem);
	if (rc == 0)
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

int serve(struct smsd *s)
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

void close_service(struct smsd *s)
{
	job_pool_destroy(s->pool);
	if (s->api)
		api_close(s->api);
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
}
