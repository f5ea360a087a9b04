using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Engine.Tests.Reconcile;

internal sealed class PathTests
{
    [Test]
    public void A_location_is_accepted_and_ready_when_driver_config_and_account_are_there()
    {
        using var world = new EngineWorld();
        world.Until("the location is ready", () =>
            Conditions.IsTrue(world.Plane.Peek(ResourceTypes.Locations, EngineWorld.Namespace, "here")!.Status?.Conditions, ConditionTypes.Ready));
        Assert.That(Conditions.IsTrue(world.Plane.Peek(ResourceTypes.Locations, EngineWorld.Namespace, "here")!.Status!.Conditions, ConditionTypes.Accepted));
        Assert.That(world.Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")!.Status!.AccountId, Is.EqualTo("sim-account"));
    }

    [Test]
    public void Everything_is_built_in_order_and_told_back()
    {
        using var world = new EngineWorld().Running(EngineWorld.WithDisk);

        Assert.That(Conditions.IsTrue(world.Plane.Peek(ResourceTypes.NetworkContexts, EngineWorld.Namespace, "default-here")!.Status!.Conditions, ConditionTypes.Programmed));
        Assert.That(Conditions.IsTrue(world.Plane.Peek(ResourceTypes.Subnets, EngineWorld.Namespace, "default-here-v4")!.Status!.Conditions, ConditionTypes.Programmed));
        var instance = world.Instance;
        Assert.That(instance.Metadata.Annotation(Annotations.ProviderId), Is.EqualTo(world.Server.Id));
        Assert.That(instance.Status!.NetworkInterfaces![0].Assignments!.NetworkIP, Does.StartWith("10.128."));
        Assert.That(instance.Status.Controller!.ObservedTemplateHash, Is.EqualTo("h1"));

        // L7: what others depend on comes first.
        var made = world.Cloud.Audit.Log.Where(e => e.Event == AuditEvent.Created).Select(e => e.Collection).ToList();
        Assert.That(made.IndexOf(Collections.Networks), Is.LessThan(made.IndexOf(Collections.Subnets)));
        Assert.That(made.IndexOf(Collections.Subnets), Is.LessThan(made.IndexOf(Collections.Nics)));
        Assert.That(made.IndexOf(Collections.Firewalls), Is.LessThan(made.IndexOf(Collections.Nics)));
        Assert.That(made.IndexOf(Collections.Disks), Is.LessThan(made.IndexOf(Collections.Servers)));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
        Assert.That(world.Log.Errors, Is.Empty);
    }

    [Test]
    public void Deletion_goes_backwards_and_finalizers_hold_until_absence_was_seen()
    {
        using var world = new EngineWorld().Running();
        // All at once: the platform must still see the right order (L7).
        world.Plane.Delete(ResourceTypes.Networks, new ObjectKey(EngineWorld.Namespace, "default"));
        world.Plane.Delete(ResourceTypes.Subnets, new ObjectKey(EngineWorld.Namespace, "default-here-v4"));
        world.DeleteInstance();
        var left = false;
        world.Until("nothing is left", () =>
        {
            if (world.Plane.Live(ResourceTypes.Subnets).Count == 0)
                world.Plane.Delete(ResourceTypes.NetworkContexts, new ObjectKey(EngineWorld.Namespace, "default-here"));
            // L4, L6: while something is at the platform its entry is there, and the owner is held.
            left |= world.Cloud.In(Collections.Servers).Length > 0 && world.Plane.Live(ResourceTypes.Instances).Count == 0;
            left |= world.Cloud.In(Collections.Networks).Length > 0 && (world.Plane.Live(ResourceTypes.Networks).Count == 0 || world.Entries.All(e => e.Spec.Kind != "Network"));
            return world.NothingIsLeft;
        });
        Assert.That(left, Is.False);
        var gone = world.Cloud.Audit.Log.Where(e => e.Event == AuditEvent.Deleted).Select(e => e.Collection).ToList();
        Assert.That(gone.IndexOf(Collections.Servers), Is.LessThan(gone.IndexOf(Collections.Nics)));
        Assert.That(gone.IndexOf(Collections.Nics), Is.LessThan(gone.IndexOf(Collections.Subnets)));
        Assert.That(gone[^1], Is.EqualTo(Collections.Networks));
        Assert.That(world.Log.Errors, Is.Empty);
    }

    [Test]
    public void A_changed_image_replaces_the_server_and_never_two_live_at_once()
    {
        using var world = new EngineWorld().Running();
        var first = world.Server.Id;
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("the new image runs", () => world.Runs("web:2") && world.AllReady);
        Assert.That(world.Server.Id, Is.Not.EqualTo(first));
        Assert.That(world.Entry("Instance").Spec.Record.Incarnation, Is.EqualTo(2));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }
}
