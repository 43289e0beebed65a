/* SPDX-License-Identifier: Apache-2.0 */
/* Requests over tps.sock. */
#include "tps/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/cli/frame.h"

enum { READ_SIZE = 64 * 1024 };

struct client {
	int fd;
	json_int_t next_id;
	struct buf in;
};

struct client *client_connect(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct client *c;

	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(un.sun_path, path, strlen(path) + 1);
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	buf_init(&c->in, CLI_FRAME_MAX + CLI_FRAME_HEADER + READ_SIZE);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return c;
	client_close(c);
	return NULL;
}

void client_close(struct client *client)
{
	int saved = errno;

	if (!client)
		return;
	if (client->fd >= 0)
		(void)close(client->fd);
	buf_fini(&client->in);
	free(client);
	errno = saved;
}

static int send_all(int fd, const struct buf *out)
{
	size_t done = 0;

	while (done < out->len) {
		ssize_t n = send(fd, out->data + done, out->len - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return SL_ESYS;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int send_request(struct client *c, const char *words, json_t *arguments)
{
	json_t *object = json_pack("{s:I,s:s,s:O}", "id", ++c->next_id, "cmd", words, "args",
	                           arguments ? arguments : json_null());
	struct buf out;
	int rc;

	if (object && !arguments)
		(void)json_object_del(object, "args");
	buf_init(&out, CLI_FRAME_MAX + CLI_FRAME_HEADER);
	rc = object ? cli_frame_add(&out, object) : SL_ENOMEM;
	if (rc == 0)
		rc = send_all(c->fd, &out);
	buf_fini(&out);
	json_decref(object);
	return rc;
}

/* The next frame, waited for. SL_ECLOSED. */
static int read_frame(struct client *c, json_t **ret_object)
{
	for (;;) {
		uint8_t *room;
		ssize_t n;
		int rc = cli_frame_take(&c->in, ret_object);

		if (rc != SL_EAGAIN)
			return rc;
		if (buf_reserve(&c->in, READ_SIZE, &room) != 0)
			return SL_ENOMEM;
		n = recv(c->fd, room, READ_SIZE, 0);
		if (n == 0 || (n < 0 && errno != EINTR))
			return SL_ECLOSED;
		c->in.len += n > 0 ? (size_t)n : 0;
	}
}

/* A refusal's list of errors goes with it. */
static enum tps_exit take_error(json_t *object, json_t **ret_error)
{
	json_t *error = json_object_get(object, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	json_t *list = json_object_get(object, "errors");

	*ret_error = json_incref(error);
	if (list)
		(void)json_object_set(error, "errors", list);
	if (code && strcmp(code, err_name(SL_EPERM)) == 0)
		return TPS_NOT_PERMITTED;
	return TPS_REFUSED;
}

enum tps_exit client_request(struct client *client, const char *words, json_t *arguments,
                             client_data_fn *fn, void *arg, json_t **ret_error)
{
	enum tps_exit status = TPS_OK;
	bool end = false;

	*ret_error = NULL;
	if (send_request(client, words, arguments) != 0)
		return TPS_NO_DAEMON;
	while (!end) {
		json_t *object, *data;

		if (read_frame(client, &object) != 0)
			return TPS_NO_DAEMON;
		data = json_object_get(object, "data");
		if (json_object_get(object, "error")) {
			status = take_error(object, ret_error);
			end = true;
		} else {
			end = (data && !fn(arg, data)) || json_object_get(object, "ok") ||
			      json_object_get(object, "end");
		}
		json_decref(object);
	}
	return status;
}
