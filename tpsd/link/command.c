/* SPDX-License-Identifier: Apache-2.0 */
/* What `tps sms` asks of the process. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/event/counter.h"
#include "lib/ipc/channel.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/link/store.h"
#include "tpsd/proc/proc.h"

static const char *const states[] = {
#define X(NAME, text) [LINK_##NAME] = text,
        LINK_STATES(X)
#undef X
};

void command_answer(struct link *link, uint64_t id, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

	if (text)
		proc_answer(link->proc, id, 0, text, strlen(text), false);
	else
		proc_answer(link->proc, id, SL_ENOMEM, "null", 4, false);
	free(text);
	json_decref(value);
}

void command_refuse(struct link *link, uint64_t id, int status, const char *text)
{
	json_t *value = json_pack("{s:s}", "text", text);
	char *json = value ? json_dumps(value, JSON_COMPACT) : NULL;

	proc_answer(link->proc, id, status, json ? json : "null", json ? strlen(json) : 4, false);
	free(json);
	json_decref(value);
}

static void add_time(json_t *value, const char *key, uint64_t wall_us)
{
	char text[CLOCK_TEXT_MAX];

	if (wall_us != 0)
		(void)json_object_set_new(value, key, json_string(clock_format_us(wall_us, text)));
}

static void add_revision(const struct link *link, json_t *value)
{
	const struct record *r = &link->record;

	if (r->revision == 0)
		return;
	(void)json_object_set_new(value, "revision", json_integer(r->revision));
	(void)json_object_set_new(value, "revision_state",
	                          json_string(remote_state_name(r->state)));
	if (r->text[0])
		(void)json_object_set_new(value, "why", json_string(r->text));
}

static void add_events(const struct link *link, json_t *value)
{
	const struct sender *s = &link->sender;

	(void)json_object_set_new(value, "events_sent_to",
	                          json_integer(s->place.next ? (json_int_t)s->place.next - 1 : 0));
	(void)json_object_set_new(value, "events_waiting",
	                          json_integer((json_int_t)events_behind(link)));
	if (s->trouble[0])
		(void)json_object_set_new(value, "events_trouble", json_string(s->trouble));
}

static void show_status(struct link *link, uint64_t id, const json_t *arguments)
{
	const struct record *r = &link->record;
	json_t *value = json_pack("{s:s}", "state", states[link->state]);

	if (r->address[0]) {
		(void)json_object_set_new(
		        value, "sms",
		        json_sprintf(strchr(r->address, ':') ? "[%s]:%d" : "%s:%d", r->address,
		                     (int)r->port));
		(void)json_object_set_new(value, "name", json_string(r->name));
		add_time(value, "certificate_ends", (uint64_t)link->identity.ends * 1000000);
		add_revision(link, value);
		add_time(value, "last_contact", link->contact_us);
		if (link->trouble[0])
			(void)json_object_set_new(value, "trouble", json_string(link->trouble));
		add_events(link, value);
	}
	(void)json_object_set_new(value, "keys_missing",
	                          json_integer((json_int_t)counter_sum(link->proc->counter_file,
	                                                               COUNTER_keys_missing)));
	command_answer(link, id, value);
}

/* The document stays; what was fetched of keys goes with the SMS whose they are. */
static void leave(struct link *link, uint64_t id, const json_t *arguments)
{
	struct ipc_channel *keys = proc_peer(link->proc, IPC_KEYS, 0);
	struct ipc_message msg = {.type = IPC_FORGET_KEYS, .forget_keys.all = 1};
	int rc;

	if (!link->record.address[0]) {
		command_refuse(link, id, SL_ENOENT, "this device belongs to no SMS");
		return;
	}
	rc = store_remove(link->store, "state.json");
	if (rc == 0)
		rc = store_remove(link->store, "identity.pem");
	if (rc != 0) {
		command_refuse(link, id, rc, "the enrolment cannot be removed from the disk");
		return;
	}
	link_disconnect(link);
	(void)store_remove(link->store, "events.json"); /* of no use to another SMS */
	identity_fini(&link->identity);
	link->record = (struct record){.state = REMOTE_STATE_CONFIRMED};
	link->trouble[0] = '\0';
	link_set_state(link, LINK_ALONE);
	panic_forget(link);
	if (keys)
		rc = ipc_send(keys, &msg);
	if (rc == 0)
		command_answer(link, id, json_object());
	else
		command_refuse(link, id, rc, "keys was not told to forget what the SMS sent");
}

void link_command(struct proc *proc, uint64_t id, const char *name, const char *arguments)
{
	static const struct {
		const char *name;
		void (*fn)(struct link *link, uint64_t id, const json_t *arguments);
	} commands[] = {
	        {"sms_status", show_status}, {"sms_enrol", enrol_command}, {"sms_leave", leave}};
	json_t *value = json_loads(arguments, 0, NULL);

	for (size_t i = 0; i < SL_ARRAY_LEN(commands); i++) {
		if (strcmp(name, commands[i].name) == 0) {
			commands[i].fn(proc->state, id, value);
			json_decref(value);
			return;
		}
	}
	json_decref(value);
	proc_answer(proc, id, SL_EUNSUPPORTED, "null", 4, false);
}
