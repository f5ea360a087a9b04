using System.Text.Json;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Providers;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>An Instance whose Location isn't served any more.</summary>
public sealed class InstanceBackTests
{
    private static readonly JsonElement Desired = JsonElement.Parse("""{"instanceType":"a"}""");

    [TestCase("old", "True", "old", Description = "what runs is what was asked for")]
    [TestCase("new", "False", "old", Description = "nobody has translated the newer template")]
    public void A_template_that_nobody_translated_isnt_programmed(string asked, string programmed, string observed)
    {
        var status = new InstanceStatus { Controller = new InstanceControllerStatus { ObservedTemplateHash = "old" } };

        InstanceBack.Apply(status, Instance(asked), Entry(), DateTimeOffset.UnixEpoch, "the Location isn't served");
        // What it wrote itself must not make the next look believe otherwise.
        InstanceBack.Apply(status, Instance(asked), Entry(), DateTimeOffset.UnixEpoch, "the Location isn't served");

        Assert.That((Conditions.Find(status.Conditions, ConditionTypes.Programmed)!.Status.ToString(), status.Controller!.ObservedTemplateHash), Is.EqualTo((programmed, observed)));
    }

    [Test]
    public void A_template_that_was_translated_is_programmed()
    {
        var status = new InstanceStatus();

        InstanceBack.Apply(status, Instance("new"), Entry(), DateTimeOffset.UnixEpoch);

        Assert.That((Conditions.IsTrue(status.Conditions, ConditionTypes.Programmed), status.Controller?.ObservedTemplateHash), Is.EqualTo((true, "new")));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Available_says_what_Running_says_where_the_plane_has_it(bool has)
    {
        var status = new InstanceStatus();
        if (has)
            status.Conditions = [new Condition { Type = ConditionTypes.Available, Status = ConditionStatus.Unknown, Reason = Reasons.Pending, Message = "Waiting for controller", LastTransitionTime = DateTimeOffset.UnixEpoch }];

        InstanceBack.Apply(status, Instance("new"), Entry(), DateTimeOffset.UnixEpoch.AddHours(1));
        var available = Conditions.Find(status.Conditions, ConditionTypes.Available);
        Assert.That((available?.Status, available?.Reason, available?.ObservedGeneration), Is.EqualTo(has ? ("True", Reasons.Running, 2) : ((string?)null, (string?)null, (long?)null)));

        // And back, with its own time of transition, which a second look at the same leaves alone.
        var stopped = Entry();
        stopped.Status!.State = nameof(Lifecycle.Degraded);
        InstanceBack.Apply(status, Instance("new"), stopped, DateTimeOffset.UnixEpoch.AddHours(2));
        InstanceBack.Apply(status, Instance("new"), stopped, DateTimeOffset.UnixEpoch.AddHours(3));
        Assert.That(Conditions.Find(status.Conditions, ConditionTypes.Running)!.LastTransitionTime, Is.EqualTo(DateTimeOffset.UnixEpoch.AddHours(2)));
        Assert.That(has == Conditions.IsFalse(status.Conditions, ConditionTypes.Available));
    }

    private static Instance Instance(string template) => new()
    {
        Metadata = new ObjectMeta { Name = "i", Uid = "u", Generation = 2 },
        Spec = new Resources.Compute.InstanceSpec { Controller = new InstanceControllerSpec { TemplateHash = template } },
    };

    private static ManagedResource Entry() => new()
    {
        Metadata = new ObjectMeta { Name = "e" },
        Spec = new ManagedResourceSpec { Wanted = true, Desired = Desired },
        Status = new ManagedResourceStatus { State = nameof(Lifecycle.Ready), DesiredHash = CanonicalJson.Digest(Desired) },
    };
}
