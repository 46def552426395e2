/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The 802.1Q interfaces at the far end of the demo's uplink, by this machine's kernel: not each
 * kernel has the module 8021q. Loaded by tc(8) where frames come in, at the trunk and at the inner
 * end of a veth pair for each VLAN, whose interface number is the VLAN's.
 *
 *	TRUNK		interface number of the trunk
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

static long (*const vlan_push)(struct __sk_buff *frame, __u16 tpid_be,
			       __u16 tci) = (void *)BPF_FUNC_skb_vlan_push;
static long (*const vlan_pop)(struct __sk_buff *frame) = (void *)BPF_FUNC_skb_vlan_pop;
static long (*const send_to)(__u32 interface, __u64 flags) = (void *)BPF_FUNC_redirect;

__attribute__((section("trunk"), used)) int
cross(struct __sk_buff *frame)
{
	__u32 vlan = frame->vlan_tci & 0xfff;

	if (frame->ifindex != TRUNK) {
		if (vlan_push(frame, __builtin_bswap16(0x8100), frame->ifindex) != 0)
			return TC_ACT_SHOT;
		return send_to(TRUNK, 0);
	}
	if (!frame->vlan_present || vlan_pop(frame) != 0)
		return TC_ACT_SHOT;
	return send_to(vlan, 0);
}
