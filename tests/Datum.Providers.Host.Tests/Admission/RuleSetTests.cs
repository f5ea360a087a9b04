using System.Text.Json.Nodes;
using Datum.Providers.Host.Admission;
using Datum.Providers.Resources.Validation;

namespace Datum.Providers.Host.Tests.Admission;

/// <summary>The rules about single objects, on their own.</summary>
public sealed class RuleSetTests
{
    /// <summary>Rules that need a plane are in <see cref="PlaneRuleTests"/>; those about fields that no schema of ours has are below.</summary>
    private static readonly string[] s_elsewhere =
    [
        "placement.city", "network.use", "network.exists", "capability", "annotation.policy", "location.schema", "location.moved", "location.served",
        "config.driver", "config.settings", "config.credentials", "runtime.class", "template.unknown-field",
    ];

    [TestCaseSource(typeof(BadManifests), nameof(BadManifests.All))]
    public void A_bad_manifest_is_found_by_its_rule_at_its_field(object manifest)
    {
        var bad = (BadManifest)manifest;

        var found = ObjectRules.Check(JsonNode.Parse(bad.Json)!.AsObject());

        // The definition names the object that lacks something, the rule the field itself.
        Assert.That(found.Where(v => v.Rule.Id == bad.Rule).Select(v => v.Field), Has.Some.StartsWith(bad.Field), string.Join('\n', found));
        Assert.That(found.Select(v => v.Message), Is.All.Not.Empty);
    }

    [TestCaseSource(typeof(BadManifests), nameof(BadManifests.Good))]
    public void A_good_manifest_breaks_no_rule(string manifest) => Assert.That(ObjectRules.Check(JsonNode.Parse(manifest)!.AsObject()), Is.Empty);

    [Test]
    public void Every_rule_has_a_manifest_that_breaks_it()
    {
        Assert.That(Rules.All.Select(r => r.Id), Is.Unique);
        Assert.That(BadManifests.All.Select(m => m.Rule).Distinct().Concat(s_elsewhere), Is.EquivalentTo(Rules.All.Select(r => r.Id)));
    }

    [TestCase("spec.template.spec.runtime.class", "\"kata\"", "runtime.class")]
    [TestCase("spec.template.spec.volumes.0.later", "1", "template.unknown-field")]
    public void A_field_that_a_looser_plane_kept_is_refused(string path, string value, string rule) =>
        Assert.That(ObjectRules.Check(JsonNode.Parse(BadManifests.Spoil(BadManifests.Good[0], path, value))!.AsObject()).Select(v => v.Rule.Id), Is.EqualTo([rule]));

    [Test]
    public void L12_a_private_key_that_was_pasted_is_never_quoted()
    {
        const string Canary = "b3BlbnNzaC1rZXktdjEAAAAA-canary";
        foreach (var line in (string[])[$"ana:-----BEGIN OPENSSH PRIVATE KEY----- {Canary}", Canary, $"{Canary}:ssh-ed25519 x", $"ana:ssh-ed25519 {Canary}", $"ana:{Canary} {Canary}"])
        {
            var manifest = JsonNode.Parse(BadManifests.Good[1])!.AsObject();
            manifest["spec"]!["template"]!["metadata"]!["annotations"]!["compute.datumapis.com/ssh-keys"] = line;
            var found = ObjectRules.Check(manifest);
            Assert.That(found.Select(v => v.Rule), Is.EqualTo([Rules.MachineKeys]), line);
            Assert.That(found[0].ToString(), Does.Not.Contain("canary"), line);
        }
    }
}
