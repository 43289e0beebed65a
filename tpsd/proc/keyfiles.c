/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/proc/keyfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "tpsd/proc/proc.h"

struct sending {
	struct proc *proc;
	uint32_t revision;
	int status; /* first error */
};

static void refuse(struct sending *s, const struct config_certificate *cert, const char *path)
{
	char pointer[64];
	char text[512];

	(void)snprintf(pointer, sizeof(pointer), "/certificates/%u", cert->index);
	(void)snprintf(text, sizeof(text), "certificate %s: %s: %s", cert->name, path,
	               strerror(errno));
	proc_refuse_item(s->proc, SL_ENOENT, pointer, text, "name a file that exists");
	if (s->status == 0)
		s->status = SL_ENOENT;
}

static int send_fd(struct sending *s, const char *certificate, const char *path, int fd,
                   bool password, bool last)
{
	struct ipc_channel *keys = proc_peer(s->proc, IPC_KEYS, 0);
	struct ipc_message msg = {.type = IPC_KEY_FILE};

	msg.key_file.revision = s->revision;
	msg.key_file.password = password;
	msg.key_file.last = last;
	msg.key_file.certificate = ipc_text_of(certificate);
	msg.key_file.path = ipc_text_of(path);
	return keys ? ipc_send_fds(keys, &msg, &fd, 1) : SL_ECLOSED;
}

/* No O_NOFOLLOW: ACME clients keep keys behind links. A FIFO must not hang us. */
static void open_and_send(struct sending *s, const struct config_certificate *cert,
                          const char *path, bool password)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc;

	if (fd < 0) {
		refuse(s, cert, path);
		return;
	}
	rc = send_fd(s, cert->name, path, fd, password, false);
	(void)close(fd);
	if (rc != 0 && s->status == 0)
		s->status = rc;
}

/* An end mark needs a descriptor too: the message has one by the table. */
static void send_end(struct sending *s)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? SL_ESYS : send_fd(s, "", "", fd, false, true);

	if (fd >= 0)
		(void)close(fd);
	if (rc != 0 && s->status == 0)
		s->status = rc;
}

static int send_all(struct proc *proc, uint32_t revision, const struct config *config)
{
	struct sending s = {.proc = proc, .revision = revision};

	for (size_t i = 0; i < config->certificates_count; i++) {
		const struct config_certificate *cert = &config->certificates[i];

		if (cert->key_id[0]) /* the SMS sends it */
			continue;
		open_and_send(&s, cert,
		              cert->private_key[0] ? cert->private_key : cert->certificate, false);
		if (cert->password_file[0])
			open_and_send(&s, cert, cert->password_file, true);
	}
	send_end(&s);
	return s.status;
}

int keyfiles_prepare(struct keyfiles *k, struct proc *proc, uint32_t revision,
                     struct config *config)
{
	int rc = send_all(proc, revision, config);

	if (rc != 0)
		return rc;
	config_put(k->next);
	k->next = config_get(config);
	k->next_revision = revision;
	return 0;
}

void keyfiles_commit(struct keyfiles *k, uint32_t revision)
{
	if (!k->next || revision != k->next_revision)
		return;
	config_put(k->current);
	k->current = k->next;
	k->current_revision = revision;
	k->next = NULL;
}

void keyfiles_abort(struct keyfiles *k, uint32_t revision)
{
	if (revision != k->next_revision)
		return;
	config_put(k->next);
	k->next = NULL;
}

void keyfiles_resend(struct keyfiles *k, struct proc *proc)
{
	if (k->current && send_all(proc, k->current_revision, k->current) != 0)
		log_error("keys was started again and not all key files could be opened for it");
}

void keyfiles_fini(struct keyfiles *k)
{
	config_put(k->current);
	config_put(k->next);
	*k = (struct keyfiles){.current = NULL};
}

/* ---- the keystore ---- */

static bool is_roots(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == 0 &&
	       !(st.st_mode & (S_IRWXG | S_IRWXO)) && (type != S_IFREG || st.st_nlink == 1);
}

/* The folder above belongs to control, so no name in it is taken on trust. */
static int open_keystore(const char *state_dir)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/keystore", state_dir);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && !is_roots(fd, S_IFDIR)) {
		(void)close(fd);
		errno = EPERM;
		return -1;
	}
	return fd;
}

static int open_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd >= 0 && !is_roots(fd, S_IFREG)) {
		(void)close(fd);
		errno = EPERM;
		return -1;
	}
	return fd;
}

static void send_file(struct proc *proc, int dir, const char *name)
{
	struct ipc_channel *keys = proc_peer(proc, IPC_KEYS, 0);
	struct ipc_message msg = {.type = IPC_KEYSTORE_FILE};
	int fd = dir >= 0 ? open_file(dir, name) : -1;

	msg.keystore_file.name = ipc_text_of(name);
	if (fd < 0)
		log_critical("%s/keystore/%s cannot be opened: %s; it and its folder must be "
		             "root's alone",
		             proc->state_dir, name, strerror(errno));
	else if (!keys || ipc_send_fds(keys, &msg, &fd, 1) != 0)
		log_error("%s could not be handed to keys", name);
	if (fd >= 0)
		(void)close(fd);
}

void keyfiles_send_keystore(struct proc *proc)
{
	int dir = open_keystore(proc->state_dir);

	send_file(proc, dir, KEYFILES_UNTRUSTED);
	send_file(proc, dir, KEYFILES_SEALING);
	if (dir >= 0)
		(void)close(dir);
}
