package meta

import (
	"fmt"
	"slices"

	"troupe/kafka/code"
)

// CheckFeature says whether the level of a feature may become what u wants, and why not. Of the brokers the controller is looked at first, and
// called so; 0: whoever it is. The order of the checks is Kafka's (FeatureControlManager.updateFeature).
func CheckFeature(img *Image, u FeatureUpdate, controller int32) (why string) {
	now := img.Feature(u.Name)
	switch {
	case u.Kind < FeatureUpgrade || u.Kind > FeatureUnsafeDowngrade:
		return "The controller does not support the given upgrade type."
	case u.Level < 0:
		return "A feature version cannot be less than 0."
	}
	if why := unsupported(img, u, controller); why != "" {
		return why
	}
	switch {
	case u.Level < now && u.Kind == FeatureUpgrade:
		return "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."
	case u.Level > now && u.Kind != FeatureUpgrade:
		return "Can't downgrade to a newer version."
	}
	return ""
}

// unsupported says which broker does not have the level. All brokers must, those that are out of service too: they come back.
func unsupported(img *Image, u FeatureUpdate, controller int32) string {
	if b := img.Broker(controller); b != nil {
		if why := unsupportedBy(b, u, "Local controller"); why != "" {
			return why
		}
	}
	for i := range img.brokers {
		if why := unsupportedBy(&img.brokers[i], u, "Broker"); why != "" {
			return why
		}
	}
	return ""
}

func unsupportedBy(b *Broker, u FeatureUpdate, what string) string {
	at := slices.IndexFunc(b.Features, func(f Feature) bool { return f.Name == u.Name })
	switch {
	case at < 0 && u.Level == 0:
		return "Feature " + u.Name + " not found."
	case at < 0:
		return fmt.Sprintf("%s %d does not support this feature.", what, b.ID)
	case u.Level < b.Features[at].Min || u.Level > b.Features[at].Max:
		return fmt.Sprintf("%s %d only supports versions %d-%d", what, b.ID, b.Features[at].Min, b.Features[at].Max)
	}
	return ""
}

func (e *edit) updateFeatures(c UpdateFeatures) Result {
	for _, u := range c.Updates {
		if why := CheckFeature(e.img, u, 0); why != "" {
			return refuse(code.InvalidUpdateVersion, "Invalid update version %d for feature %s. %s", u.Level, u.Name, why)
		}
	}
	list := slices.Clone(e.img.features)
	for _, u := range c.Updates {
		i, ok := slices.BinarySearchFunc(list, u.Name, cmpFeature)
		switch {
		case ok:
			list[i].Level = u.Level
		case e.img.Feature(u.Name) != u.Level:
			list = slices.Insert(list, i, FeatureLevel{u.Name, u.Level})
		}
	}
	e.img.features = list
	return Result{}
}
