package differential

import "github.com/twmb/franz-go/pkg/kmsg"

// anyACL is a filter that matches everything.
func anyACL() *kmsg.DescribeACLsRequest {
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType, req.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
	req.Operation, req.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	return req
}

// newACL allows somebody to read a topic.
func newACL(topic string) kmsg.CreateACLsRequestCreation {
	c := kmsg.NewCreateACLsRequestCreation()
	c.ResourceType, c.ResourceName, c.ResourcePatternType = kmsg.ACLResourceTypeTopic, topic, kmsg.ACLResourcePatternTypeLiteral
	c.Principal, c.Host, c.Operation, c.PermissionType = "User:alice", "*", kmsg.ACLOperationRead, kmsg.ACLPermissionTypeAllow
	return c
}

func createACLs(creations ...kmsg.CreateACLsRequestCreation) *kmsg.CreateACLsRequest {
	req := kmsg.NewPtrCreateACLsRequest()
	req.Creations = creations
	return req
}

func deleteACLs(filters int) *kmsg.DeleteACLsRequest {
	req := kmsg.NewPtrDeleteACLsRequest()
	for range filters {
		a, f := anyACL(), kmsg.NewDeleteACLsRequestFilter()
		f.ResourceType, f.ResourcePatternType, f.Operation, f.PermissionType = a.ResourceType, a.ResourcePatternType, a.Operation, a.PermissionType
		req.Filters = append(req.Filters, f)
	}
	return req
}

var aclCases = []Case{
	{"described", 1, 3, func(s *Side, v int16) {
		s.Ask(v, anyACL())
		req := anyACL()
		req.ResourceType, req.ResourceName, req.ResourcePatternType = kmsg.ACLResourceTypeTopic, ptr("x"), kmsg.ACLResourcePatternTypeMatch
		req.Principal, req.Host = ptr("User:alice"), ptr("*")
		s.Ask(v, req)
	}},
	{"described by kinds that do not exist", 1, 3, func(s *Side, v int16) {
		for _, change := range []func(r *kmsg.DescribeACLsRequest){
			func(r *kmsg.DescribeACLsRequest) { r.ResourceType = 99 }, func(r *kmsg.DescribeACLsRequest) { r.ResourceType = 0 },
			func(r *kmsg.DescribeACLsRequest) { r.ResourcePatternType = 0 }, func(r *kmsg.DescribeACLsRequest) { r.ResourcePatternType = 77 },
			func(r *kmsg.DescribeACLsRequest) { r.Operation = 0 }, func(r *kmsg.DescribeACLsRequest) { r.PermissionType = 0 },
			func(r *kmsg.DescribeACLsRequest) { r.Operation = 99 }, func(r *kmsg.DescribeACLsRequest) { r.PermissionType = -5 },
		} {
			req := anyACL()
			change(req)
			s.Ask(v, req)
			s.Alive()
		}
	}},
	{"created", 1, 3, func(s *Side, v int16) { s.Ask(v, createACLs(newACL("a"), newACL("b"))) }},
	{"none created", 1, 3, func(s *Side, v int16) { s.Ask(v, createACLs()) }},
	{"created of kinds that do not exist", 1, 3, func(s *Side, v int16) {
		for _, change := range []func(c *kmsg.CreateACLsRequestCreation){
			func(c *kmsg.CreateACLsRequestCreation) { c.ResourceType = 99 }, func(c *kmsg.CreateACLsRequestCreation) { c.ResourceType = 1 },
			func(c *kmsg.CreateACLsRequestCreation) { c.ResourceType = 0 }, func(c *kmsg.CreateACLsRequestCreation) { c.ResourcePatternType = 0 },
			func(c *kmsg.CreateACLsRequestCreation) { c.ResourcePatternType = 2 }, func(c *kmsg.CreateACLsRequestCreation) { c.ResourcePatternType = 50 },
			func(c *kmsg.CreateACLsRequestCreation) { c.Operation = 0 }, func(c *kmsg.CreateACLsRequestCreation) { c.Operation = 1 },
			func(c *kmsg.CreateACLsRequestCreation) { c.PermissionType = 0 }, func(c *kmsg.CreateACLsRequestCreation) { c.PermissionType = 1 },
			func(c *kmsg.CreateACLsRequestCreation) { c.Principal = "nobody" }, func(c *kmsg.CreateACLsRequestCreation) { c.ResourceName = "" },
		} {
			c := newACL("a")
			change(&c)
			s.Ask(v, createACLs(c))
			s.Alive()
		}
	}},
	{"deleted", 1, 3, func(s *Side, v int16) {
		s.Ask(v, deleteACLs(2))
		s.Ask(v, deleteACLs(0))
	}},
	{"deleted by kinds that do not exist", 1, 3, func(s *Side, v int16) {
		for _, change := range []func(f *kmsg.DeleteACLsRequestFilter){
			func(f *kmsg.DeleteACLsRequestFilter) { f.ResourceType = 99 }, func(f *kmsg.DeleteACLsRequestFilter) { f.ResourceType = 0 }, func(f *kmsg.DeleteACLsRequestFilter) { f.ResourcePatternType = 0 },
			func(f *kmsg.DeleteACLsRequestFilter) { f.Operation = 0 }, func(f *kmsg.DeleteACLsRequestFilter) { f.PermissionType = 0 },
		} {
			req := deleteACLs(2)
			change(&req.Filters[1])
			s.Ask(v, req)
			s.Alive()
		}
	}},
}

var tokenCases = []Case{
	{"created", 1, 3, func(s *Side, v int16) {
		req := kmsg.NewPtrCreateDelegationTokenRequest()
		req.MaxLifetimeMillis = 1000
		s.Ask(v, req)
		req.Renewers = []kmsg.CreateDelegationTokenRequestRenewer{{PrincipalType: "User", PrincipalName: "alice"}}
		req.MaxLifetimeMillis = -1
		req.OwnerPrincipalType, req.OwnerPrincipalName = ptr("User"), ptr("bob")
		s.Ask(v, req)
		req.Renewers[0].PrincipalType = "Group"
		s.Ask(v, req)
		req.Renewers = nil
		req.OwnerPrincipalType, req.OwnerPrincipalName = ptr("User"), ptr("")
		s.Ask(v, req)
		req.OwnerPrincipalType, req.OwnerPrincipalName = ptr("User"), nil
		s.Ask(v, req)
		req.OwnerPrincipalType, req.OwnerPrincipalName = ptr(""), ptr("bob")
		s.Ask(v, req)
	}},
	{"an owner without a kind", 3, 3, func(s *Side, v int16) {
		req := kmsg.NewPtrCreateDelegationTokenRequest()
		req.OwnerPrincipalName = ptr("bob")
		s.Ask(v, req)
	}},
	{"renewed", 1, 2, func(s *Side, v int16) {
		req := kmsg.NewPtrRenewDelegationTokenRequest()
		req.HMAC, req.RenewTimeMillis = []byte("secret"), 1000
		s.Ask(v, req)
		req.HMAC = []byte{}
		s.Ask(v, req)
	}},
	{"expired", 1, 2, func(s *Side, v int16) {
		req := kmsg.NewPtrExpireDelegationTokenRequest()
		req.HMAC, req.ExpiryPeriodMillis = []byte("secret"), -1
		s.Ask(v, req)
	}},
	{"described", 1, 3, func(s *Side, v int16) {
		req := kmsg.NewPtrDescribeDelegationTokenRequest()
		s.Ask(v, req)
		req.Owners = []kmsg.DescribeDelegationTokenRequestOwner{}
		s.Ask(v, req)
		req.Owners = []kmsg.DescribeDelegationTokenRequestOwner{{PrincipalType: "User", PrincipalName: "alice"}}
		s.Ask(v, req)
	}},
}
