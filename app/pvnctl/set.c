/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Changes settings of a device that is there. The back end reads them when it makes its port.
 */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"

struct change {
	const struct device *device;
	struct settings settings;
};

/* A new node has the owner and the rights of its directory. */
static int
set_step(struct pvn_xen *x, uint32_t txn, void *arg)
{
	const struct change *c = arg;
	const char *dir = c->device->back;
	int ret = node_exists(x, txn, dir) ? 0 : -ENOENT;

	for (int i = 0; i < SETTING_COUNT && ret == 0; i++)
		if (c->settings.value[i][0] != '\0')
			ret = pvn_xenbus_write(x, txn, dir, setting_name(i), "%s",
					       c->settings.value[i]);
	return ret;
}

static int
read_settings(const struct ctl_line *line, struct settings *settings)
{
	bool any = false;
	int ret = 0;

	for (int i = 0; i < SETTING_COUNT && ret == 0; i++) {
		if (line->opt[i] == NULL)
			continue;
		any = true;
		ret = setting_take(settings, i, line->opt[i]);
	}
	return any ? ret : ctl_usage("xen set: expected --mac-check, --rate or --vlan");
}

static int
change(struct ctl *ctl, struct change *c, uint16_t front_id, uint16_t handle)
{
	struct device *devices;
	int count = devices_read(ctl->x, &devices), ret;

	if (count < 0)
		return count;
	for (int i = 0; i < count && c->device == NULL; i++)
		if (devices[i].front_id == front_id && devices[i].handle == handle &&
		    devices[i].has_back)
			c->device = &devices[i];
	if (c->device == NULL)
		ret = ctl_fail("domain %u has no device %u: pvnctl xen list shows what there is",
			       front_id, handle);
	else
		ret = pvn_xenbus_transact(ctl->x, set_step, c) < 0 ? xen_failed() : 0;
	free(devices);
	return ret;
}

int
cmd_xen_set(struct ctl *ctl, const struct ctl_line *line)
{
	struct change c = {.device = NULL};
	unsigned long handle;
	struct domain front;
	int ret = read_settings(line, &c.settings);

	if (ret == 0)
		ret = ctl_number("handle", line->opt[OPT_HANDLE], 0, UINT16_MAX, &handle);
	if (ret == 0)
		ret = ctl_need_domain_0(ctl);
	if (ret == 0)
		ret = domain_find(ctl->x, PVN_XEN_NO_TXN, line->arg[0], &front);
	if (ret == 0)
		ret = change(ctl, &c, front.id, handle);
	if (ret < 0)
		return ret;
	if (ctl->json)
		printf("{\"domain\": %u, \"handle\": %lu}\n", front.id, handle);
	else
		printf("device %lu of domain %u is changed, in force when the back end makes its "
		       "port the next time\n",
		       handle, front.id);
	return 0;
}
