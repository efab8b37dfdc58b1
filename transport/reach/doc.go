// Package reach lets peers and their controller find each other on machines with
// several networks. [Controller] tries all addresses that a connection file lists,
// and returns the one by which the controller answers. [Listen] and [Addresses]
// are the controller's side: on which addresses of this host it listens, and which
// of them it lists.
//
// What is tried is a hello (protocol section 17): a signed question that is
// answered by a signed reply. So an address is not taken for the controller's
// because something accepts a connection there, such as another user's controller on
// another host of the same private network, or a firewall.
package reach
