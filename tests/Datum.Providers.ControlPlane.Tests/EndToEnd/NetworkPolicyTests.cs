using System.Text.Json;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>Upstream's kind without members.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class NetworkPolicyTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose()
    {
        Assert.That(_world.Errors, Is.Empty);
        _world.Dispose();
    }

    [Test]
    public void A_network_policy_is_answered_once_and_changes_nothing()
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.CreateWorkload();
        _world.Settle();
        var instance = _world.Instances.Single();

        // A plane whose schema keeps members that it doesn't know.
        Create("deny-all", new NetworkPolicySpec { Unknown = new() { ["ingress"] = JsonElement.Parse("[]") } });
        Create("empty", null);
        _world.Settle();
        Assert.That((Ready("deny-all").Status, Ready("deny-all").Reason), Is.EqualTo(("False", Reasons.Unsupported)));
        Assert.That(Ready("deny-all").Message, Does.StartWith("spec.ingress: NetworkPolicy has no members").And.Contains("networkInterfaces[].networkPolicy"));
        Assert.That(Ready("empty").Message, Does.StartWith("NetworkPolicy has no members"));
        Assert.That(_world.Warnings, Is.EquivalentTo(new[] { $"NetworkPolicy deny-all {Reasons.Unsupported}", $"NetworkPolicy empty {Reasons.Unsupported}" }));
        Assert.That(_world.Instances.Single().Metadata.ResourceVersion, Is.EqualTo(instance.Metadata.ResourceVersion));

        var writes = _world.Plane.Writes.Count;
        _world.Restart();
        _world.Time.Advance(TimeSpan.FromHours(1));
        Assert.That(_world.Plane.Writes.Skip(writes).Select(w => w.ToString()), Is.Empty, "L8");
        Assert.That(_world.Warnings, Has.Count.EqualTo(2));
    }

    private void Create(string name, NetworkPolicySpec? spec)
    {
        var policy = new NetworkPolicy { Spec = spec };
        (policy.Metadata.Name, policy.Metadata.Namespace) = (name, World.Namespace);
        _world.Create(ResourceTypes.NetworkPolicies, policy);
    }

    private Condition Ready(string name) => Conditions.Find(_world.Plane.Peek(ResourceTypes.NetworkPolicies, World.Namespace, name)!.Status?.Conditions, ConditionTypes.Ready)!;
}
