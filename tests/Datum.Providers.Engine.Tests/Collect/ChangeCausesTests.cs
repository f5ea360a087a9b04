using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Collect;

/// <summary>Who changed a wish (law L15).</summary>
internal sealed class ChangeCausesTests
{
    private static readonly DriverDescriptor Driver = new SimulatorDriverFactory(new SimulatorProfile()).Describe();

    [Test]
    public void L15_a_wish_that_differs_under_the_same_stamp_is_the_owners()
    {
        var causes = new ChangeCauses("1");
        var config = new ProviderConfigSpec();
        var made = causes.Of("e", null, config, Driver).Stamp;
        Assert.That(causes.Of("e", made, config, Driver).Owner);
        Assert.That(new ChangeCauses("2").Of("e", made, config, Driver).Owner, Is.False, "another host");
        Assert.That(causes.Of("e", made, config, Driver with { Version = "9.9.9" }).Owner, Is.False, "another driver");
        Assert.That(causes.Of("e", made, new ProviderConfigSpec { Images = new() { ["a"] = "b" } }, Driver).Owner, Is.False, "another config");
        Assert.That(causes.Of("e", made, new ProviderConfigSpec { Collector = new CollectorSettings { Budget = 1 } }, Driver).Owner, "what no wish is made of");
    }

    [Test]
    public void L15_a_change_that_left_the_wish_as_it_was_is_not_blamed_for_the_owners_next_one()
    {
        var causes = new ChangeCauses("1");
        var made = causes.Of("e", null, new ProviderConfigSpec(), Driver).Stamp;
        var changed = new ProviderConfigSpec { Images = new() { ["a"] = "b" } };
        causes.Stored("e", causes.Of("e", made, changed, Driver).Stamp);
        Assert.That(causes.Of("e", made, changed, Driver).Owner);
    }

    [Test]
    public void L15_only_a_wish_that_is_not_realized_yet_asks_for_a_replacement()
    {
        var desired = System.Text.Json.JsonElement.Parse("""{"a":1}""");
        var entry = new ManagedResource { Spec = { Desired = desired, Record = { ProviderChange = false } }, Status = new ManagedResourceStatus() };
        Assert.That(ChangeCauses.AskedByOwner(entry));
        entry.Status.DesiredHash = CanonicalJson.Digest(desired);
        Assert.That(ChangeCauses.AskedByOwner(entry), Is.False, "it drifted");
        entry.Status.DesiredHash = null;
        entry.Spec.Record.ProviderChange = true;
        Assert.That(ChangeCauses.AskedByOwner(entry), Is.False);
    }
}
