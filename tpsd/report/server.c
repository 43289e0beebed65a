/* SPDX-License-Identifier: Apache-2.0 */
/* tps.sock. A client's bytes are bounded and checked before any handler sees them. */
#include "tpsd/report/server.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/cli/frame.h"
#include "lib/conf/error.h"
#include "tpsd/report/control.h"
#include "tpsd/report/forward.h"
#include "tpsd/report/journal.h"

enum { READ_SIZE = 64 * 1024, GROUPS_MAX = 256, AUDIT_ARGUMENT_MAX = 2048 };

struct server_client {
	struct loop_source source; /* first */
	struct server *server;
	struct server_client *next_grave;
	struct request *requests;
	unsigned nrequests;
	bool may_show;
	bool may_change;
	bool gone; /* freed at the end of this turn */
	uid_t uid;
	pid_t pid;
	char user[64];
	struct buf in;
	struct buf out;
};

struct server {
	struct loop_source source; /* first */
	struct control *control;
	int fd;
	char path[108];
	struct server_client *clients[SERVER_CLIENTS_MAX];
	struct server_client *graves; /* dropped, freed by server_turn */
};

/* ---- clients ----------------------------------------------------------------------------- */

static bool in_group(const gid_t *groups, size_t n, const char *name)
{
	const struct group *gr = getgrnam(name);

	for (size_t i = 0; gr && i < n; i++)
		if (groups[i] == gr->gr_gid)
			return true;
	return false;
}

/* Root may all; the groups are those that the kernel saw when it connected. */
static int identify(struct server_client *c, int fd)
{
	gid_t groups[GROUPS_MAX + 1];
	socklen_t len = sizeof(struct ucred), groups_len = GROUPS_MAX * sizeof(gid_t);
	struct ucred cred;
	struct passwd *pw;
	size_t n;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return SL_ESYS;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len) != 0)
		groups_len = 0;
	n = groups_len / sizeof(gid_t);
	groups[n++] = cred.gid;
	c->uid = cred.uid;
	c->pid = cred.pid;
	c->may_change = cred.uid == 0 || in_group(groups, n, "sluice-operator");
	c->may_show = c->may_change || cred.uid == geteuid() || in_group(groups, n, "sluice");
	pw = getpwuid(cred.uid);
	(void)snprintf(c->user, sizeof(c->user), "%.40s", pw ? pw->pw_name : "unknown");
	return 0;
}

static void free_request(struct request *r)
{
	json_decref(r->arguments);
	json_decref(r->id);
	free(r);
}

/* Requests live on without their client until their handler answers or is cancelled. */
static void orphan_requests(struct server_client *c)
{
	struct request *next;

	for (struct request *r = c->requests; r; r = next) {
		next = r->next;
		r->client = NULL;
		r->next = NULL;
		if (r->cancel && !r->sending) {
			r->cancel(r);
			free_request(r);
		}
	}
	c->requests = NULL;
}

static void drop_client(struct server_client *c)
{
	struct server *s = c->server;
	int fd;

	if (c->gone)
		return;
	c->gone = true;
	c->next_grave = s->graves;
	s->graves = c;
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (s->clients[i] == c)
			s->clients[i] = NULL;
	fd = c->source.fd;
	loop_remove(&c->source);
	(void)close(fd);
	orphan_requests(c);
	buf_fini(&c->in);
	buf_fini(&c->out);
}

static void flush_client(struct server_client *c)
{
	while (!c->gone && c->out.len > 0) {
		ssize_t n =
		        send(c->source.fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			drop_client(c);
			return;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (!c->gone)
		(void)loop_modify(&c->source, c->out.len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* Takes `object` over. False: the client has been dropped for not reading. */
static bool send_object(struct server_client *c, json_t *object)
{
	int rc = object && !c->gone ? cli_frame_add(&c->out, object) : SL_ECLOSED;

	json_decref(object);
	if (rc != 0) {
		if (!c->gone && rc == SL_ELIMIT)
			log_warning(
			        "a client of tps.sock (pid %d) does not read its answers: dropped",
			        (int)c->pid);
		drop_client(c);
		return false;
	}
	flush_client(c);
	return !c->gone;
}

/* ---- answers ----------------------------------------------------------------------------- */

static void audit(const struct request *r, int status)
{
	struct event_line *l = journal_scratch(r->control->journal);
	char *arguments;

	if (r->command->who != CLI_CHANGE)
		return;
	(void)json_object_del(r->arguments, "text");
	arguments = json_dumps(r->arguments, JSON_COMPACT | JSON_SORT_KEYS);
	event_begin(l, EVENT_AUDIT, "audit");
	event_object_begin(l, "audit");
	event_text(l, "user", r->user);
	event_uint(l, "uid", r->uid);
	event_uint(l, "pid", (uint64_t)r->pid);
	event_text(l, "command", r->command->words);
	if (arguments && strlen(arguments) <= AUDIT_ARGUMENT_MAX)
		event_json(l, "arguments", arguments, strlen(arguments));
	event_text(l, "result", status == 0 ? "ok" : err_name(status));
	event_object_end(l);
	(void)event_end(l, r->control->proc->ring);
	free(arguments);
}

static void unlink_request(struct request *r)
{
	struct request **at;

	if (!r->client)
		return;
	for (at = &r->client->requests; *at; at = &(*at)->next) {
		if (*at == r) {
			*at = r->next;
			r->client->nrequests--;
			return;
		}
	}
}

/* The last word on a request; `object` is taken over. */
static void finish(struct request *r, json_t *object, int status)
{
	struct server_client *c = r->client;

	audit(r, status);
	unlink_request(r);
	if (c && object)
		(void)json_object_set(object, "id", r->id);
	if (c)
		(void)send_object(c, object);
	else
		json_decref(object);
	free_request(r);
}

void request_ok(struct request *request, json_t *data)
{
	json_t *object = json_pack("{s:b,s:o}", "ok", 1, "data", data ? data : json_null());

	finish(request, object, 0);
}

static json_t *error_object(int code, const char *text, const char *remedy)
{
	return json_pack("{s:s,s:s,s:s}", "code", err_name(code), "text", text, "remedy", remedy);
}

void request_error(struct request *request, int code, const char *text, const char *remedy)
{
	finish(request, json_pack("{s:o}", "error", error_object(code, text, remedy)), code);
}

static json_t *conf_error_object(const struct conf_error *e)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:s,s:b}", "code", err_name(e->code), "text",
	                 e->text, "path", e->pointer, "file", e->file, "line", (int)e->line,
	                 "column", (int)e->column, "remedy", e->remedy, "notice", e->notice);
}

void request_errors(struct request *request, int code, const struct conf_errors *errs,
                    const char *what)
{
	json_t *list = json_array();
	json_t *error = error_object(code, what, "");

	for (size_t i = 0; i < errs->count && i < 200; i++)
		(void)json_array_append_new(list, conf_error_object(&errs->items[i]));
	for (size_t i = 0; i < errs->count; i++) {
		const struct conf_error *e = &errs->items[i];

		if (e->notice)
			continue;
		(void)json_object_set_new(error, "path", json_string(e->pointer));
		(void)json_object_set_new(error, "line", json_integer(e->line));
		(void)json_object_set_new(error, "column", json_integer(e->column));
		(void)json_object_set_new(error, "remedy", json_string(e->remedy));
		break;
	}
	finish(request, json_pack("{s:o,s:o}", "error", error, "errors", list), code);
}

bool request_piece(struct request *request, json_t *data)
{
	struct server_client *c = request->client;
	json_t *object = json_pack("{s:O,s:o}", "id", request->id, "data", data);

	request->sending = true;
	if (c && send_object(c, object)) {
		request->sending = false;
		return true;
	}
	if (!c)
		json_decref(object);
	if (request->cancel)
		request->cancel(request);
	free_request(request);
	return false;
}

void request_end(struct request *request)
{
	finish(request, json_pack("{s:b}", "end", 1), 0);
}

const char *request_text(const struct request *request, const char *name)
{
	return json_string_value(json_object_get(request->arguments, name));
}

bool request_flag(const struct request *request, const char *name)
{
	return json_is_true(json_object_get(request->arguments, name));
}

bool request_duration(struct request *request, const char *name, uint64_t fallback_ms,
                      uint64_t *ret_ms)
{
	const char *text = request_text(request, name);

	*ret_ms = fallback_ms;
	if (!text || cli_duration_parse(text, ret_ms) == 0)
		return true;
	request_error(request, SL_EINVAL, "a duration is a number with s, m, h or d behind it",
	              "for example 5m");
	return false;
}

bool request_number(struct request *request, const char *name, uint64_t fallback, uint64_t max,
                    uint64_t *ret_n)
{
	const char *text = request_text(request, name);
	char *end = NULL;

	*ret_n = fallback;
	if (!text)
		return true;
	*ret_n = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && *ret_n <= max)
		return true;
	request_error(request, SL_ERANGE, "not a number in the range of this command", "");
	return false;
}

/* ---- requests ---------------------------------------------------------------------------- */

static void refuse(struct server_client *c, json_t *id, int code, const char *text,
                   const char *remedy)
{
	json_t *object = json_pack("{s:o}", "error", error_object(code, text, remedy));

	if (object)
		(void)json_object_set(object, "id", id ? id : json_null());
	(void)send_object(c, object);
}

static struct request *make_request(struct server_client *c, const struct cli_command *command,
                                    json_t *id, json_t *arguments)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->control = c->server->control;
	r->client = c;
	r->command = command;
	r->arguments = arguments ? json_incref(arguments) : json_object();
	r->id = id ? json_incref(id) : json_null();
	r->uid = c->uid;
	r->pid = c->pid;
	memcpy(r->user, c->user, sizeof(r->user));
	r->next = c->requests;
	c->requests = r;
	c->nrequests++;
	return r;
}

static void run_request(struct server_client *c, json_t *object)
{
	json_t *id = json_object_get(object, "id");
	json_t *arguments = json_object_get(object, "args");
	const char *words = json_string_value(json_object_get(object, "cmd"));
	const struct cli_command *command = words ? cli_command_by_words(words) : NULL;
	struct request *r;
	char why[400];

	if (!command || command->where == CLI_LOCAL) {
		refuse(c, id, SL_ENOENT, "no such command", "tps help lists them");
	} else if (command->who == CLI_CHANGE ? !c->may_change : !c->may_show) {
		refuse(c, id, SL_EPERM, "not permitted",
		       "group sluice shows; root and group sluice-operator change");
	} else if (arguments && cli_arguments_check(command, arguments, why, sizeof(why)) != 0) {
		refuse(c, id, SL_EINVAL, why, "");
	} else if (c->nrequests >= SERVER_REQUESTS_MAX) {
		refuse(c, id, SL_ELIMIT, "too many open requests on this connection",
		       "wait for their answers");
	} else if ((r = make_request(c, command, id, arguments)) == NULL) {
		drop_client(c);
	} else if (command->where == CLI_HERE) {
		handler_run(r);
	} else {
		forward_request(r);
	}
}

static void take_frames(struct server_client *c)
{
	while (!c->gone) {
		json_t *object;
		int rc = cli_frame_take(&c->in, &object);

		if (rc == SL_EAGAIN)
			return;
		if (rc != 0) {
			drop_client(c);
			return;
		}
		run_request(c, object);
		json_decref(object);
	}
}

static void read_client(struct server_client *c)
{
	uint8_t *room;
	ssize_t n;

	if (buf_reserve(&c->in, READ_SIZE, &room) != 0) {
		drop_client(c);
		return;
	}
	n = recv(c->source.fd, room, READ_SIZE, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		drop_client(c);
		return;
	}
	if (n > 0) {
		c->in.len += (size_t)n;
		take_frames(c);
	}
}

static void on_client(struct loop_source *source, uint32_t events)
{
	struct server_client *c = (struct server_client *)source;

	if (events & EPOLLOUT)
		flush_client(c);
	if (!c->gone && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		read_client(c);
}

void server_turn(struct server *server)
{
	while (server->graves) {
		struct server_client *c = server->graves;

		server->graves = c->next_grave;
		free(c);
	}
}

static int add_client(struct server *s, int fd, size_t place)
{
	struct server_client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return SL_ENOMEM;
	c->server = s;
	buf_init(&c->in, CLI_FRAME_MAX + CLI_FRAME_HEADER + READ_SIZE);
	buf_init(&c->out, SERVER_UNREAD_MAX);
	rc = identify(c, fd);
	if (rc == 0)
		rc = loop_add(s->control->proc->loop, &c->source, fd, EPOLLIN, on_client);
	if (rc != 0)
		free(c);
	else
		s->clients[place] = c;
	return rc;
}

static void on_connect(struct loop_source *source, uint32_t events)
{
	struct server *s = (struct server *)source;
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (!s->clients[i] && add_client(s, fd, i) == 0)
			return;
	(void)close(fd); /* full: the client sees the end */
}

static int listen_on(struct server *s, const char *run_dir)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int n = snprintf(un.sun_path, sizeof(un.sun_path), "%s/tps.sock", run_dir);

	if (n < 0 || (size_t)n >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return SL_ESYS;
	}
	memcpy(s->path, un.sun_path, sizeof(s->path));
	(void)unlink(s->path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    chmod(s->path, 0660) != 0 || listen(s->fd, SERVER_CLIENTS_MAX) != 0)
		return SL_ESYS;
	return loop_add(s->control->proc->loop, &s->source, s->fd, EPOLLIN, on_connect);
}

int server_open(struct control *control, struct server **ret_server)
{
	struct server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return SL_ENOMEM;
	s->control = control;
	rc = listen_on(s, control->proc->run_dir);
	if (rc != 0) {
		int saved = errno;

		server_close(s);
		errno = saved;
		return rc;
	}
	*ret_server = s;
	return 0;
}

void server_close(struct server *server)
{
	if (!server)
		return;
	loop_remove(&server->source);
	if (server->fd >= 0)
		(void)close(server->fd);
	if (server->path[0])
		(void)unlink(server->path);
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (server->clients[i])
			drop_client(server->clients[i]);
	server_turn(server);
	free(server);
}
