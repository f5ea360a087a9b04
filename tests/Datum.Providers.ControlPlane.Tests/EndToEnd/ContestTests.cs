using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>Another host with other caches, which writes the opposite of what ours writes as soon as it is there.</summary>
public sealed class ContestTests
{
    private static readonly ObjectKey Context = new(World.Namespace, "default-default-here");

    [Test]
    public void Two_hosts_that_see_different_things_do_not_overwrite_each_other_as_fast_as_they_can()
    {
        using var world = Running();
        var from = world.Plane.Writes.Count;
        for (var i = 0; i < 2400; i++)
        {
            TurnBack(world);
            world.Time.Advance(TimeSpan.FromMilliseconds(25));
        }

        // After 0, 1, 3, 7, 15 and 31 seconds; the last write of the world's start counts as the first for ten minutes.
        var ours = world.Plane.Writes.Skip(from).Count(w => w.Plural == ResourceTypes.NetworkContexts.Plural);
        Assert.That(ours, Is.InRange(4, 7));
        Assert.That(world.Errors, Has.One.Contains("changed back 4 times in a row").And.Contains(Context.ToString()));

        world.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.That(Ready(world), Is.EqualTo("True"), "whoever is right writes last");
        var writes = world.Plane.Writes.Count;
        world.Time.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Plane.Writes, Has.Count.EqualTo(writes));
    }

    [Test]
    public void A_status_that_somebody_changed_once_is_put_right_at_once()
    {
        using var world = Running();
        world.Time.Advance(TimeSpan.FromMinutes(1));
        TurnBack(world);
        world.Time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.That(Ready(world), Is.EqualTo("True"));
        Assert.That(world.Errors, Is.Empty);
    }

    [Test]
    public void After_ten_minutes_of_peace_an_old_contest_is_forgotten()
    {
        using var world = Running();
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 200; i++)
            {
                TurnBack(world);
                world.Time.Advance(TimeSpan.FromMilliseconds(25));
            }

            world.Time.Advance(TimeSpan.FromMinutes(11));
            Assert.That(Ready(world), Is.EqualTo("True"));
            TurnBack(world);
            world.Time.Advance(TimeSpan.FromMilliseconds(100));
            Assert.That(Ready(world), Is.EqualTo("True"), $"round {round}");
            world.Time.Advance(TimeSpan.FromMinutes(11));
        }
    }

    private static World Running()
    {
        var world = new World();
        world.CreateLocation();
        world.CreateNetwork();
        world.CreateWorkload();
        world.Settle();
        return world;
    }

    private static string Ready(World world) =>
        Conditions.Find(world.Plane.Peek(ResourceTypes.NetworkContexts, Context.Namespace!, Context.Name)!.Status!.Conditions, ConditionTypes.Ready)!.Status;

    private static void TurnBack(World world) => world.Plane.EditStatus(ResourceTypes.NetworkContexts, Context.Namespace!, Context.Name, c =>
        Conditions.Set(c.Status!.Conditions!, ConditionTypes.Ready, ConditionStatus.False, "Other", "Another host sees it like that.", c.Metadata.Generation, world.Time.Now));
}
