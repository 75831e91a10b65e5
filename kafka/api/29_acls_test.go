package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// Without an authorizer every request about ACLs is refused, and one that says "unknown" is not even answered.
func TestACLs(t *testing.T) {
	w := newWorld(t, 1, nil)
	for v := int16(1); v <= 3; v++ {
		describe := func() *kmsg.DescribeACLsRequest {
			r := kmsg.NewPtrDescribeACLsRequest()
			r.ResourceType, r.ResourcePatternType, r.Operation, r.PermissionType = 1, 1, 1, 1
			return r
		}
		if x := w.ask(v, describe()).(*kmsg.DescribeACLsResponse); x.ErrorCode != int16(code.SecurityDisabled) || *x.ErrorMessage != textNoAuthorizerHere || len(x.Resources) > 0 {
			t.Errorf("%+v", x)
		}
		create, remove := kmsg.NewPtrCreateACLsRequest(), kmsg.NewPtrDeleteACLsRequest()
		if x := w.ask(v, create).(*kmsg.CreateACLsResponse); len(x.Results) != 0 {
			t.Errorf("%+v", x)
		}
		for range 2 {
			create.Creations = append(create.Creations, kmsg.CreateACLsRequestCreation{ResourceType: 99, ResourcePatternType: 3, Operation: 3, PermissionType: 3})
			remove.Filters = append(remove.Filters, kmsg.DeleteACLsRequestFilter{ResourceType: 99, ResourcePatternType: 3, Operation: 3, PermissionType: 3})
		}
		if x := w.ask(v, create).(*kmsg.CreateACLsResponse); len(x.Results) != 2 || x.Results[1].ErrorCode != 54 || *x.Results[1].ErrorMessage != textNoAuthorizer {
			t.Errorf("%+v", x)
		}
		if x := w.ask(v, remove).(*kmsg.DeleteACLsResponse); len(x.Results) != 2 || x.Results[1].ErrorCode != 54 || *x.Results[1].ErrorMessage != textNoAuthorizer {
			t.Errorf("%+v", x)
		}
		for i := range 4 {
			d, c, r := describe(), &create.Creations[1], &remove.Filters[1]
			keepC, keepR := *c, *r
			switch i {
			case 0:
				d.ResourceType, c.ResourceType, r.ResourceType = 0, 0, 0
			case 1:
				d.ResourcePatternType, c.ResourcePatternType, r.ResourcePatternType = 0, 0, 0
			case 2:
				d.Operation, c.Operation, r.Operation = 0, 0, 0
			case 3:
				d.PermissionType, c.PermissionType, r.PermissionType = 0, 0, 0
			}
			for _, req := range []kmsg.Request{d, create, remove} {
				if f := w.begin(v, req); !f.cut {
					t.Errorf("case %d of key %d is answered: %+v", i, req.Key(), f.answer())
				}
			}
			*c, *r = keepC, keepR
		}
	}
}

func TestDelegationTokens(t *testing.T) {
	w := newWorld(t, 1, nil)
	refused := int16(code.DelegationTokenRequestNotAllowed)
	for v := int16(1); v <= 3; v++ {
		create := kmsg.NewPtrCreateDelegationTokenRequest()
		x := w.ask(v, create).(*kmsg.CreateDelegationTokenResponse)
		if x.ErrorCode != refused || x.PrincipalType != "User" || x.PrincipalName != "ANONYMOUS" || x.IssueTimestamp != -1 || v == 3 && x.TokenRequesterPrincipalName != "ANONYMOUS" {
			t.Errorf("%+v", x)
		}
		create.OwnerPrincipalType, create.OwnerPrincipalName = kmsg.StringPtr("User"), kmsg.StringPtr("bob")
		if x := w.ask(v, create).(*kmsg.CreateDelegationTokenResponse); x.ErrorCode != refused || (x.PrincipalName == "bob") != (v == 3) {
			t.Errorf("%+v", x)
		}
		if x := w.ask(v, kmsg.NewPtrDescribeDelegationTokenRequest()).(*kmsg.DescribeDelegationTokenResponse); x.ErrorCode != refused || len(x.TokenDetails) != 0 {
			t.Errorf("%+v", x)
		}
	}
	for v := int16(1); v <= 2; v++ {
		if x := w.ask(v, kmsg.NewPtrRenewDelegationTokenRequest()).(*kmsg.RenewDelegationTokenResponse); x.ErrorCode != refused || x.ExpiryTimestamp != -1 {
			t.Errorf("%+v", x)
		}
		if x := w.ask(v, kmsg.NewPtrExpireDelegationTokenRequest()).(*kmsg.ExpireDelegationTokenResponse); x.ErrorCode != refused || x.ExpiryTimestamp != -1 {
			t.Errorf("%+v", x)
		}
	}
}
