/* SPDX-License-Identifier: Apache-2.0 */
/* One switch of the wire, by its pin. */
#include "tps/pinned.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/err.h"

enum {
	SWITCH_FALLBACK = 0, /* WIRE_SWITCH_FALLBACK of bpf/abi.h */
	VALUE_MAX = 64,
};

static int write_switch(int fd, bool on)
{
	uint8_t value[VALUE_MAX] = {on}; /* little-endian, of whatever width the map has */
	uint32_t key = SWITCH_FALLBACK;
	struct bpf_map_info info = {.id = 0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) != 0)
		return SL_ESYS;
	if (info.key_size != sizeof(key) || info.value_size > sizeof(value)) {
		errno = EINVAL;
		return SL_ESYS;
	}
	return bpf_map_update_elem(fd, &key, value, BPF_ANY) == 0 ? 0 : SL_ESYS;
}

int tps_pinned_fallback(const char *instance, bool on)
{
	char path[128];
	int fd, rc, saved;

	(void)snprintf(path, sizeof(path), "/sys/fs/bpf/sluice/%s/switches", instance);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? SL_ENOENT : SL_ESYS;
	rc = write_switch(fd, on);
	saved = errno;
	(void)close(fd);
	errno = saved;
	return rc;
}
