/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/report/licensing.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/conf/name.h"
#include "lib/package/package.h"
#include "tpsd/report/control.h"
#include "tpsd/report/forward.h"
#include "tpsd/report/history.h"
#include "tpsd/report/panic.h"
#include "tpsd/report/remote.h"

#define FILE_NAME    "licence"
#define SEEN_NAME    "licence-seen"
#define WORKERS_NAME "licence-workers"

enum { LOOK_EVERY_S = 60, HOUR_S = 3600, DAY_S = 86400, SHA256_LEN = 32, PATH_TEXT = 1024 };

/* A licence and what it comes to. */
struct holding {
	json_t *licence; /* NULL: none that counts */
	struct package_info info;
	struct licence_verdict verdicts[LICENCE_CAPABILITY_END];
};

struct licensing {
	struct control *control;
	struct loop_timer timer;
	bool configured;
	char authority[PATH_TEXT]; /* device.licence_keys; "": none */
	char device[CONF_NAME_SHORT + 1];
	struct package_keys keys;
	char keys_text[256]; /* why there are none; "" */

	struct buf package; /* as it was installed */
	struct holding here;
	char text[256]; /* why it does not count; "" */

	int64_t seen, kept_seen; /* the latest time that was seen; that is on the disk */
	int kept_workers;        /* on the disk, for the next start; -1: not known */
	int64_t said[LICENCE_CAPABILITY_END]; /* when the last line of it was written; 0: never */
};

/* ---- the clock --------------------------------------------------------------------------- */

static void keep_seen(struct licensing *l)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64 "\n", l->seen);
	if (state_write(l->control->proc->state_dir, SEEN_NAME, text, strlen(text)) == 0)
		l->kept_seen = l->seen;
}

static void read_seen(struct licensing *l)
{
	struct buf text;

	buf_init(&text, 64);
	if (state_read(l->control->proc->state_dir, SEEN_NAME, &text) == 0)
		l->seen = l->kept_seen = strtoll(buf_text(&text), NULL, 10);
	buf_fini(&text);
}

/* Only a device with an authority keeps it: nothing depends on it without. */
static int64_t time_that_counts(struct licensing *l)
{
	int64_t now = (int64_t)clock_wall_s();

	if (!l->authority[0])
		return now;
	l->seen = SL_MAX(l->seen, now);
	if (l->here.licence)
		l->seen = SL_MAX(l->seen, l->here.info.created);
	if (l->seen - l->kept_seen >= HOUR_S)
		keep_seen(l);
	return l->seen;
}

/* ---- what follows ------------------------------------------------------------------------ */

bool licensing_denies(const struct licensing *licensing, enum licence_capability capability)
{
	return licensing->here.verdicts[capability].state != LICENCE_ALLOWED;
}

const struct licence_verdict *licensing_verdict(const struct licensing *licensing,
                                                enum licence_capability capability)
{
	return &licensing->here.verdicts[capability];
}

static void tell_workers(struct licensing *l)
{
	json_t *denied = json_object();

	for (unsigned c = 0; c < LICENCE_CAPABILITY_END; c++)
		(void)json_object_set_new(denied, licence_capability_name(c),
		                          json_boolean(licensing_denies(l, c)));
	denied = json_pack("{s:o}", "denied", denied);
	forward_tell(l->control, CLI_WORKERS, "licence", denied);
	json_decref(denied);
}

/* ---- processes that inspect -------------------------------------------------------------- */

static bool all_cores_denied(const struct licensing *l)
{
	return l->here.verdicts[LICENCE_ALL_CORES].state == LICENCE_DENIED;
}

/* Those that are there and not allowed any more get no new flows: at once, without a restart. */
static void tell_wire(struct licensing *l)
{
	json_t *arguments =
	        json_pack("{s:i}", "workers", all_cores_denied(l) ? LICENCE_WORKERS_DENIED : 0);

	forward_tell(l->control, CLI_WIRE, "licence", arguments);
	json_decref(arguments);
}

static void keep_workers(struct licensing *l)
{
	int workers = all_cores_denied(l) ? LICENCE_WORKERS_DENIED : 0;
	char text[32];

	if (workers == l->kept_workers)
		return;
	(void)snprintf(text, sizeof(text), "%d\n", workers);
	if (state_write(l->control->proc->state_dir, WORKERS_NAME, text, strlen(text)) == 0)
		l->kept_workers = workers;
}

unsigned licensing_workers(const char *state_dir)
{
	unsigned workers = 0;
	struct buf text;

	buf_init(&text, 64);
	if (state_read(state_dir, WORKERS_NAME, &text) == 0)
		workers = (unsigned)strtoul(buf_text(&text), NULL, 10);
	buf_fini(&text);
	return workers;
}

/* ---- all of it --------------------------------------------------------------------------- */

/* A change at once, what is worth a warning once a day. */
static void say(struct licensing *l, enum licence_capability c, bool changed, int64_t now)
{
	const struct licence_verdict *v = &l->here.verdicts[c];
	const char *title = licence_capability_title(c);

	if (!changed && (!v->warn || now - l->said[c] < DAY_S))
		return;
	l->said[c] = now;
	if (licensing_denies(l, c))
		log_critical("licence: %s is %s: %s; %s: 'tps licence show'", title,
		             licence_state_name(v->state), v->text, licence_capability_denied(c));
	else if (v->warn)
		log_warning("licence: %s: %s: 'tps licence install' a new one in time", title,
		            v->text);
	else
		log_info("licence: %s is allowed: %s", title, v->text);
}

static void judge(const struct licensing *l, const json_t *licence, enum licence_capability c,
                  int64_t now, struct licence_verdict *ret)
{
	struct licence_terms terms;
	bool named = licence && licence_find(licence, l->device, &terms);

	if (l->authority[0])
		licence_judge(named ? &terms.of[c] : NULL, now, ret);
	else
		licence_judge_built_in(ret);
	if (c == LICENCE_ALL_CORES &&
	    l->control->proc->nworkers < l->control->proc->nworkers_wanted)
		licence_judge_reboot(ret);
}

/* Everything again, and to everyone that it is another for; or to everyone. */
static void look(struct licensing *l, bool everyone)
{
	int64_t now = time_that_counts(l);
	bool any = everyone;

	for (unsigned c = 0; c < LICENCE_CAPABILITY_END; c++) {
		struct licence_verdict before = l->here.verdicts[c];
		bool changed;

		judge(l, l->here.licence, c, now, &l->here.verdicts[c]);
		changed = before.state != l->here.verdicts[c].state ||
		          before.source != l->here.verdicts[c].source ||
		          before.until != l->here.verdicts[c].until;
		any |= changed;
		say(l, c, changed, now);
	}
	keep_workers(l);
	if (!any)
		return;
	tell_wire(l);
	panic_tell_stop(l->control->panic);
	tell_workers(l);
	remote_licences(l->control, NULL);
}

static void on_timer(struct loop_timer *timer)
{
	struct licensing *l =
	        (struct licensing *)(void *)((char *)timer - offsetof(struct licensing, timer));

	look(l, false);
	(void)loop_timer_set(timer->loop, timer, LOOK_EVERY_S * CLOCK_NS_PER_S, on_timer);
}

static json_t *describe(const struct licensing *l, const struct holding *of)
{
	json_t *list = json_array();
	json_t *value = json_pack("{s:s,s:s}", "authority", l->authority, "device", l->device);
	char names[256];

	for (unsigned c = 0; c < LICENCE_CAPABILITY_END; c++)
		(void)json_array_append_new(list, licence_describe(c, &of->verdicts[c]));
	(void)json_object_set_new(value, "capabilities", list);
	if (of->licence)
		(void)json_object_set_new(
		        value, "package",
		        json_pack("{s:s,s:s,s:s}", "name", of->info.name, "version",
		                  of->info.version, "devices",
		                  licence_names(of->licence, names, sizeof(names))));
	return value;
}

/* ---- the package ------------------------------------------------------------------------- */

static void forget_licence(struct licensing *l)
{
	json_decref(l->here.licence);
	l->here.licence = NULL;
	l->text[0] = '\0';
}

/* What is here, by the keys of the moment; without any it is only read, to be verified later. */
static void verify(struct licensing *l)
{
	struct pki_error err;

	forget_licence(l);
	if (l->package.len == 0)
		return;
	if (licence_open(l->package.data, l->package.len, l->authority[0] ? &l->keys : NULL,
	                 &l->here.info, &l->here.licence, &err) == 0)
		return;
	(void)snprintf(l->text, sizeof(l->text), "%.250s", err.text);
	log_error("licence: the one that is installed counts for nothing: %s", err.text);
}

/* A package that the authority has signed. */
static int open_package(const struct licensing *l, const void *package, size_t len,
                        struct package_info *ret_info, json_t **ret_licence, struct pki_error *err)
{
	if (l->authority[0] && l->keys.count == 0)
		return pki_error_set(err, SL_ENOENT, "see device.licence_keys", "%s", l->keys_text);
	return licence_open(package, len, l->authority[0] ? &l->keys : NULL, ret_info, ret_licence,
	                    err);
}

/* And that names this device, as who brings it by hand means. */
static int open_own_package(const struct licensing *l, const void *package, size_t len,
                            struct package_info *ret_info, json_t **ret_licence,
                            struct pki_error *err)
{
	struct licence_terms terms;
	char names[256];
	json_t *value;
	int rc = open_package(l, package, len, ret_info, &value, err);

	if (rc != 0)
		return rc;
	if (!licence_find(value, l->device, &terms)) {
		rc = pki_error_set(err, SL_ENOENT, "get one that names this device (device.name)",
		                   "the licence is for %.200s, and this device is %s",
		                   licence_names(value, names, sizeof(names)), l->device);
		json_decref(value);
		return rc;
	}
	*ret_licence = value;
	return 0;
}

int licensing_check(const struct licensing *licensing, const void *package, size_t len,
                    json_t **ret_description, struct pki_error *err)
{
	struct holding would = {.licence = NULL};
	int rc = open_own_package(licensing, package, len, &would.info, &would.licence, err);

	if (rc != 0)
		return rc;
	for (unsigned c = 0; c < LICENCE_CAPABILITY_END; c++)
		judge(licensing, would.licence, c, SL_MAX(licensing->seen, clock_wall_s()),
		      &would.verdicts[c]);
	*ret_description = describe(licensing, &would);
	json_decref(would.licence);
	return 0;
}

/* On the disk first: what counts now counts after a restart. */
static int keep(struct licensing *l, const void *package, size_t len, struct pki_error *err)
{
	int rc = state_write(l->control->proc->state_dir, FILE_NAME, package, len);

	if (rc == 0) {
		buf_consume(&l->package, l->package.len);
		rc = buf_add(&l->package, package, len);
	}
	return rc == 0 ? 0
	               : pki_error_set(err, rc, "look at the state directory's disk",
	                               "the licence cannot be kept: %s", err_text(rc));
}

int licensing_install(struct licensing *licensing, const void *package, size_t len, bool by_hand,
                      struct pki_error *err)
{
	struct licensing *l = licensing;
	struct package_info info;
	json_t *licence;
	int rc = by_hand ? open_own_package(l, package, len, &info, &licence, err)
	                 : open_package(l, package, len, &info, &licence, err);

	if (rc != 0)
		return rc;
	rc = keep(l, package, len, err);
	if (rc != 0) {
		json_decref(licence);
		return rc;
	}
	forget_licence(l);
	l->here.licence = licence;
	l->here.info = info;
	log_info("licence: %s %s is installed", info.name, info.version);
	if (by_hand) {
		l->seen = (int64_t)clock_wall_s();
		keep_seen(l);
	}
	look(l, false);
	return 0;
}

/* ---- the configuration ------------------------------------------------------------------- */

static void load_keys(struct licensing *l)
{
	struct pki_error err;

	package_keys_fini(&l->keys);
	l->keys = (struct package_keys){.count = 0};
	l->keys_text[0] = '\0';
	if (!l->authority[0] || package_keys_load(&l->keys, l->authority, &err) == 0)
		return;
	(void)snprintf(l->keys_text, sizeof(l->keys_text), "%.250s", err.text);
	log_critical("licence: the authority's keys cannot be read: %s", err.text);
}

void licensing_configure(struct licensing *licensing, const struct config *config)
{
	struct licensing *l = licensing;
	bool first = !l->configured;

	(void)snprintf(l->authority, sizeof(l->authority), "%s", config->device.licence_keys);
	(void)snprintf(l->device, sizeof(l->device), "%s", config->device.name);
	load_keys(l);
	verify(l);
	l->configured = true;
	/* Who is there already may hold what an earlier control has said. */
	look(l, first);
	(void)loop_timer_set(l->control->proc->loop, &l->timer, LOOK_EVERY_S * CLOCK_NS_PER_S,
	                     on_timer);
}

/* Who just came up knows nothing of it, and before the first configuration nor do we; of its switch
 * wire hears by panic.c, with the other reasons to stop. */
void licensing_peer_up(struct licensing *licensing, enum ipc_role role)
{
	if (!licensing->configured)
		return;
	if (role == IPC_WORKER)
		tell_workers(licensing);
	else if (role == IPC_WIRE)
		tell_wire(licensing);
	else if (role == IPC_LINK)
		remote_licences(licensing->control, NULL);
}

/* ---- the part ---------------------------------------------------------------------------- */

json_t *licensing_describe(const struct licensing *licensing)
{
	json_t *value = describe(licensing, &licensing->here);
	const char *text = licensing->keys_text[0] ? licensing->keys_text : licensing->text;

	if (text[0])
		(void)json_object_set_new(value, "text", json_string(text));
	return value;
}

int licensing_open(struct control *control, struct licensing **ret_licensing)
{
	struct licensing *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return SL_ENOMEM;
	l->control = control;
	l->kept_workers = -1;
	buf_init(&l->package, LICENCE_MAX);
	for (unsigned c = 0; c < LICENCE_CAPABILITY_END; c++)
		licence_judge_built_in(&l->here.verdicts[c]);
	read_seen(l);
	rc = state_read(control->proc->state_dir, FILE_NAME, &l->package);
	if (rc != 0 && rc != SL_ENOENT) {
		log_error("licence: the one that is installed cannot be read: %s", err_text(rc));
		buf_consume(&l->package, l->package.len);
	}
	*ret_licensing = l;
	return 0;
}

void licensing_close(struct licensing *licensing)
{
	if (!licensing)
		return;
	loop_timer_cancel(&licensing->timer);
	package_keys_fini(&licensing->keys);
	json_decref(licensing->here.licence);
	buf_fini(&licensing->package);
	free(licensing);
}
