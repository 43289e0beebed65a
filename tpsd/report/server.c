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

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/cli/frame.h"
#include "tpsd/report/control.h"
#include "tpsd/report/forward.h"
#include "tpsd/report/server_priv.h"

enum { READ_SIZE = 64 * 1024, GROUPS_MAX = 256 };

struct server {
	struct loop_source source; /* first */
	struct control *control;
	int fd;
	char path[108];
	struct server_client *clients[SERVER_CLIENTS_MAX];
	struct server_client *graves; /* dropped, freed by server_turn */
};

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
	request_orphan_all(c);
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

bool client_send(struct server_client *c, json_t *object)
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

static void refuse(struct server_client *c, json_t *id, int code, const char *text,
                   const char *remedy)
{
	json_t *object = json_pack("{s:o}", "error", request_error_object(code, text, remedy));

	if (object)
		(void)json_object_set(object, "id", id ? id : json_null());
	(void)client_send(c, object);
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
	} else if ((r = request_make(c, command, id, arguments)) == NULL) {
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
	c->control = s->control;
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
