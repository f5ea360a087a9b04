using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Limits;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Limits;

/// <summary>What <c>spec.limits</c> means, and what can't be honoured.</summary>
public sealed class LimitSettingsTests
{
    private static readonly DriverDescriptor Driver = new SimulatorDriverFactory().Describe();

    [TestCase("Instance", "0s", "spec.limits.timeouts.Instance ")]
    [TestCase("Instance", "soon", "spec.limits.timeouts.Instance ")]
    [TestCase("Instanze", "1m", "spec.limits.timeouts.Instanze ")]
    [TestCase("instance", "1m", "spec.limits.timeouts.instance ")]
    [TestCase("Unknown", "1m", "spec.limits.timeouts.Unknown ")]
    [TestCase("Instance.", "1m", "spec.limits.timeouts.Instance. ")]
    [TestCase("Instance.List", "1m", "spec.limits.timeouts.Instance.List ")]
    [TestCase("Instance.Call", "61s", "spec.limits.timeouts.Instance.Call ")]
    public void A_timeout_that_cant_be_honoured_is_named(string key, string value, string field)
    {
        var settings = Read(l => l.Timeouts = new() { [key] = value, ["Network"] = "2m" });
        Assert.That(settings.Faults.Single(), Does.StartWith(field));
        Assert.That(settings.Expected(Of(ResourceKind.Network), StepVerb.Create), Is.EqualTo(TimeSpan.FromMinutes(2)), "the others are in force");
    }

    [Test]
    public void Numbers_that_cant_be_honoured_are_named_and_left_out()
    {
        var settings = Read(l => (l.RequestsPerSecond, l.Concurrency, l.ObservesPerMinute) = (0, 0, -1));
        Assert.That(settings.Faults.Select(f => f.Split(' ')[0]), Is.EqualTo(new[] { "spec.limits.requestsPerSecond", "spec.limits.concurrency", "spec.limits.observesPerMinute" }));
        Assert.That((settings.RequestsPerSecond, settings.Concurrency, settings.ObservesPerMinute), Is.EqualTo(((double?)null, (int?)null, 60)));
    }

    [Test]
    public void A_verb_goes_before_its_kind_and_the_drivers_own_is_the_last()
    {
        var settings = Read(l => l.Timeouts = new() { ["Instance"] = "20m", ["Instance.Delete"] = "2m", ["Instance.Call"] = "7s" });
        Assert.That(settings.Faults, Is.Empty);
        var instance = Of(ResourceKind.Instance);
        Assert.That(settings.Expected(instance, StepVerb.Create), Is.EqualTo(TimeSpan.FromMinutes(20)));
        Assert.That(settings.Expected(instance, StepVerb.Delete), Is.EqualTo(TimeSpan.FromMinutes(2)));
        Assert.That(settings.Expected(Of(ResourceKind.Disk), StepVerb.Create), Is.EqualTo(Of(ResourceKind.Disk).CreateDeadline));
        Assert.That(settings.Of(instance).CallTimeout, Is.EqualTo(TimeSpan.FromSeconds(7)));
        Assert.That(settings.Of(instance), Is.EqualTo(instance with { CallTimeout = TimeSpan.FromSeconds(7) }), "nothing else changes");
        Assert.That(settings.Of(Of(ResourceKind.Disk)), Is.SameAs(Of(ResourceKind.Disk)));
    }

    private static KindDescriptor Of(ResourceKind kind) => Driver.Kinds.Single(k => k.Kind == kind);

    private static LimitSettings Read(Action<ProviderLimits> change)
    {
        var limits = new ProviderLimits();
        change(limits);
        return LimitSettings.Read(new ProviderConfig { Spec = { Driver = Driver.Id, Limits = limits } }, Driver);
    }
}
