using System.Reflection;
using System.Text.Json;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Translate;

/// <summary>A wish that differs from the entry in anything is written (L8 the other way round).</summary>
internal sealed class EntryWriterTests
{
    private static JsonElement Desired(string json) => CanonicalJson.Of(JsonElement.Parse(json));

    private static EntryWish Wish(ResourcePolicies? policies = null, string desired = """{"a":1}""", params (string, string)[] dependsOn) => new()
    {
        Kind = ResourceKind.Instance, Owner = new ResourceOwner(), Slot = "instance", Place = null!, From = [], Policies = policies ?? new ResourcePolicies(), Desired = Desired(desired), DependsOn = [.. dependsOn],
    };

    private static ManagedResourceSpec Entry() => new()
    {
        Desired = Desired("""{"a":1}"""), Policies = new ResourcePolicies(), DependsOn = [new ResourceDependency { Name = "b", As = "network" }, new ResourceDependency { Name = "c", As = "subnet" }],
    };

    private static IEnumerable<PropertyInfo> Policies => typeof(ResourcePolicies).GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Where(p => p.CanWrite);

    [Test]
    public void The_same_wish_is_the_same_in_any_order() =>
        Assert.That(EntryWriter.IsSame(Entry(), Wish(dependsOn: [("c", "subnet"), ("b", "network"), ("c", "subnet")])), Is.True);

    [TestCaseSource(nameof(Policies))]
    public void Another_policy_is_another_wish(PropertyInfo policy)
    {
        var policies = new ResourcePolicies();
        policy.SetValue(policies, policy.PropertyType == typeof(bool) ? true : policy.PropertyType == typeof(string) ? "x" : 7);
        Assert.That(EntryWriter.IsSame(Entry(), Wish(policies, dependsOn: [("b", "network"), ("c", "subnet")])), Is.False);
    }

    [Test]
    public void Another_spec_or_dependency_is_another_wish()
    {
        Assert.Multiple(() =>
        {
            Assert.That(EntryWriter.IsSame(Entry(), Wish(desired: """{"a":2}""", dependsOn: [("b", "network"), ("c", "subnet")])), Is.False);
            Assert.That(EntryWriter.IsSame(Entry(), Wish(dependsOn: [("b", "network")])), Is.False);
            Assert.That(EntryWriter.IsSame(Entry(), Wish(dependsOn: [("b", "network"), ("c", "disk")])), Is.False);
            Assert.That(EntryWriter.IsSame(Entry(), Wish(dependsOn: [("b", "network"), ("d", "subnet")])), Is.False);
        });
    }

    [Test]
    public void A_member_that_only_another_version_knows_is_compared_the_long_way()
    {
        var entry = Entry();
        entry.Policies!.Unknown = new() { ["later"] = JsonElement.Parse("1") };
        Assert.That(EntryWriter.IsSame(entry, Wish(dependsOn: [("b", "network"), ("c", "subnet")])), Is.False);
    }
}
