using Datum.Providers.Engine.Policies;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Policies;

/// <summary>Annotation over ProviderConfig, brakes of the ProviderConfig over both, and a field path in every refusal.</summary>
internal sealed class PolicyReaderTests
{
    private static ReadPolicies Read(ManagementDefaults? defaults, bool adoptable = true, params (string Annotation, string Value)[] annotations)
    {
        var config = new ProviderConfig { Spec = { Driver = "sim", Management = defaults } };
        config.Metadata.Name = "c";
        return PolicyReader.Read(new ObjectMeta { Annotations = annotations.ToDictionary(a => a.Annotation, a => a.Value) }, config, ResourceKind.Instance, adoptable);
    }

    [Test]
    public void Nothing_said_means_that_everything_is_managed()
    {
        var read = Read(null);
        Assert.Multiple(() =>
        {
            Assert.That(read.Findings, Is.Empty);
            Assert.That((read.Policies.Paused, read.Policies.ObserveOnly, read.Policies.Retain, read.Policies.DeletionProtection), Is.EqualTo((false, false, false, false)));
            Assert.That((read.Policies.OnFailure, read.Policies.Drift, read.Policies.Adopt, read.Policies.AdoptId, read.Policies.PollIntervalSeconds), Is.EqualTo(((string?)null, (string?)null, "Never", (string?)null, (int?)null)));
        });
    }

    [Test]
    public void The_providerconfig_gives_the_defaults()
    {
        var p = Read(new ManagementDefaults { Retain = true, DeletionProtection = true, OnFailure = "Replace", Drift = "Report", Adopt = "IfTagged" }).Policies;
        Assert.That((p.Retain, p.DeletionProtection, p.OnFailure, p.Drift, p.Adopt), Is.EqualTo((true, true, "Replace", "Report", "IfTagged")));
    }

    [Test]
    public void An_annotation_wins_over_the_default()
    {
        var p = Read(new ManagementDefaults { Retain = true, DeletionProtection = true, OnFailure = "Replace", Drift = "Report", Adopt = "Always" }, true,
            (Annotations.Retain, "false"), (Annotations.DeletionProtection, "false"), (Annotations.OnFailure, "Keep"), (Annotations.Drift, "Correct"), (Annotations.Adopt, "Never")).Policies;
        Assert.That((p.Retain, p.DeletionProtection, p.OnFailure, p.Drift, p.Adopt), Is.EqualTo((false, false, "Keep", "Correct", "Never")));
    }

    [Test]
    public void Pause_and_observe_only_of_the_providerconfig_hold_whatever_an_annotation_says()
    {
        var p = Read(new ManagementDefaults { Paused = true, ObserveOnly = true }, true, (Annotations.Paused, "false"), (Annotations.ObserveOnly, "false")).Policies;
        Assert.That((p.Paused, p.ObserveOnly), Is.EqualTo((true, true)));
    }

    [TestCase(Annotations.Paused)]
    [TestCase(Annotations.ObserveOnly)]
    [TestCase(Annotations.Plan)]
    [TestCase(Annotations.Retain)]
    [TestCase(Annotations.DeletionProtection)]
    public void A_brake_that_cannot_be_read_counts_as_pulled_and_is_told_by_its_field(string annotation)
    {
        var read = Read(null, true, (annotation, "yes"));
        var p = read.Policies;
        Assert.Multiple(() =>
        {
            Assert.That(p.Paused || p.ObserveOnly || p.Retain || p.DeletionProtection, Is.True);
            Assert.That(read.Findings.Single().Path, Is.EqualTo($"metadata.annotations[{annotation}]"));
            Assert.That(read.Findings.Single().Message, Does.Contain("'yes'").And.Contain("\"true\" or \"false\""));
        });
    }

    [TestCase(Annotations.OnFailure, "replace", "Keep or Replace")]
    [TestCase(Annotations.Drift, "report", "Correct or Report")]
    [TestCase(Annotations.Adopt, "always", "Never or IfTagged or Always")]
    [TestCase(Annotations.PollInterval, "soon", "soon")]
    [TestCase(Annotations.PollInterval, "1s", "5s or longer")]
    [TestCase(Annotations.AdoptId, " ", "is empty")]
    public void Another_word_is_refused_by_its_field(string annotation, string value, string says)
    {
        var read = Read(new ManagementDefaults { Adopt = "Always" }, true, (annotation, value));
        Assert.That(read.Findings.Single().Path, Is.EqualTo($"metadata.annotations[{annotation}]"));
        Assert.That(read.Findings.Single().Message, Does.Contain(says));
    }

    [TestCase(null, "IfTagged")]
    [TestCase("Never", "Always")]
    [TestCase("IfTagged", "Always")]
    public void L14_an_annotation_cannot_ask_for_more_adoption_than_the_providerconfig_allows(string? allowed, string asked)
    {
        var read = Read(new ManagementDefaults { Adopt = allowed }, true, (Annotations.Adopt, asked), (Annotations.AdoptId, "i-1"));
        Assert.Multiple(() =>
        {
            Assert.That(read.Policies.AdoptId, Is.Null);
            Assert.That(read.Policies.Adopt, Is.EqualTo("Never"));
            Assert.That(read.Findings[0].Message, Does.Contain("ProviderConfig c").And.Contain("spec.management.adopt"));
        });
    }

    [Test]
    public void L11_a_driver_that_cannot_adopt_is_named_with_the_capability()
    {
        var finding = Read(new ManagementDefaults { Adopt = "Always" }, false, (Annotations.AdoptId, "i-1")).Findings.Single();
        Assert.That((finding.Path, finding.Capability), Is.EqualTo(($"metadata.annotations[{Annotations.AdoptId}]", "adoptable")));
        Assert.That(finding.Message, Does.Contain("driver sim").And.Contain("Instance"));
    }

    [Test]
    public void What_is_to_be_adopted_and_how_often_it_is_looked_at_are_read()
    {
        var p = Read(new ManagementDefaults { Adopt = "Always" }, true, (Annotations.AdoptId, " i-1 "), (Annotations.PollInterval, "1m30s")).Policies;
        Assert.That((p.AdoptId, p.Adopt, p.PollIntervalSeconds), Is.EqualTo(("i-1", "Always", (int?)90)));
    }
}
