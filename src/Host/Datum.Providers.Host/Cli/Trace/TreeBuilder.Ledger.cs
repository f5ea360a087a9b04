using System.Globalization;
using System.Text.Json;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>Ledger entries, what they record, and what the platform showed last.</summary>
internal sealed partial class TreeBuilder
{
    private void Entries(TraceNode node, string? owner, Instance? instance)
    {
        if (string.IsNullOrEmpty(owner))
            return;
        foreach (var entry in _entriesByOwner[owner].OrderBy(e => e.Spec.Kind == ManagedResourceKind.Instance).ThenBy(e => e.Spec.Kind, StringComparer.Ordinal).ThenBy(e => e.Spec.Slot, StringComparer.Ordinal))
            Link(node.Children, EntryNode(entry, instance));
    }

    private TraceNode EntryNode(ManagedResource entry, Instance? instance = null) => Once(
        Judge.Object("ManagedResource", entry, entry.Status?.Conditions, _plane.Now, ConditionTypes.Ready), node =>
        {
            if (node.Mark == Mark.Ok && Conditions.Find(entry.Status?.Conditions, ConditionTypes.Synced) is { Status: not ConditionStatus.True } synced)
                // It does its work, and something about it is held back or refused.
                Judge.Tell(node, synced);
            node.Label = entry.Spec.Kind;
            Facts(node, entry);
            Details(node, entry);
            foreach (var dependency in entry.Spec.DependsOn ?? [])
                if (_entries.GetValueOrDefault(dependency.Name) is { } other && !Conditions.IsTrue(other.Status?.Conditions, ConditionTypes.Ready))
                    Link(node.Needs, EntryNode(other));
            if (node.Reason is Reasons.ProviderConfigNotFound && _plane.Knows(ResourceTypes.ProviderConfigs.ToString()) && !_plane.Configs.Exists(c => c.Metadata.Name == entry.Spec.ProviderConfig))
                node.Detail($"ProviderConfig {entry.Spec.ProviderConfig} isn't there");
            Link(node.Children, PlatformNode(entry));
            foreach (var container in Containers(entry, instance))
                Link(node.Children, container);
        });

    private void Facts(TraceNode node, ManagedResource entry)
    {
        var (record, spec) = (entry.Spec.Record, entry.Spec);
        var config = _plane.Configs.Find(c => c.Metadata.Name == spec.ProviderConfig);
        var owner = spec.Owner.Namespace is null ? spec.Owner.Name : $"{spec.Owner.Namespace}/{spec.Owner.Name}";
        node.Fact("entry", node.Key);
        node.Fact("owner", $"{spec.Owner.Kind} {owner}");
        node.Fact("resource", spec.Kind);
        node.Fact("driver", spec.Driver);
        node.Fact("config", spec.ProviderConfig);
        node.Fact("account", record.AccountId ?? config?.Status?.AccountId ?? "of this ProviderConfig");
        node.Fact("locationName", spec.Location is { } l ? new ObjectKey(l.Namespace, l.Name).ToString() : null);
        node.Fact("platform", (record.LastError?.Message ?? node.Message).Trim().TrimEnd('.'));
        node.Fact("platformId", entry.Status?.ProviderId ?? record.Parts?.FirstOrDefault()?.Id ?? "the object");
        node.Fact("step", record.Intent?.Part ?? record.Intent?.Step);
        // An Instance's wish is edited in the Workload; its path is the Workload's then.
        if (spec.Owner.Kind != "Instance")
            node.Fact("field", node.Message.Trim().TrimEnd('.'));
        else if (_instances.GetValueOrDefault(spec.Owner.Uid) is { } instance)
            node.Fact("field", FieldOf(instance, node.Message));
    }

    private void Details(TraceNode node, ManagedResource entry)
    {
        var record = entry.Spec.Record;
        node.Detail($"slot {entry.Spec.Slot} of {entry.Spec.Owner.Kind} {entry.Spec.Owner.Name}, driver {entry.Spec.Driver}, ProviderConfig {entry.Spec.ProviderConfig}, account {record.AccountId ?? "not proved yet"}"
            + $"{(entry.Spec.Wanted ? "" : ", no longer wanted")}{(record.Retiring ? ", being replaced" : "")}{Incarnation(record)}");
        if (entry.Status?.ObservedGeneration is { } seen && seen < entry.Metadata.Generation)
            node.Detail(string.Create(CultureInfo.InvariantCulture, $"generation {entry.Metadata.Generation}, the platform was looked at for {seen}"));
        if (record.Intent is { } intent)
            node.Detail(string.Create(CultureInfo.InvariantCulture,
                $"open step {intent.Part ?? intent.Step} ({intent.CreateClass ?? "no class"}), attempt {intent.Attempt}, begun {Ages.Text(_plane.Now - intent.StartedAt)} ago by {intent.Host}"));
        foreach (var part in record.Parts ?? [])
            node.Detail($"part {part.Name} = {part.Id}");
        if (record.LastError is { } error)
            node.Detail($"last error {error.Code}, effect {error.Effect}{(error.PlatformCode is null ? "" : $", platform code {error.PlatformCode}")}{(error.RequestId is null ? "" : $", request {error.RequestId}")}, "
                + string.Create(CultureInfo.InvariantCulture, $"{Ages.Text(_plane.Now - error.At)} ago, {record.Failures} in a row: {error.Message}"));
        if (entry.Spec.Policies is { } p && (p.Paused || p.ObserveOnly || p.Retain || p.DeletionProtection))
            node.Detail($"policies: {string.Join(", ", new[] { (p.Paused, "paused"), (p.ObserveOnly, "observe-only"), (p.Retain, "retain"), (p.DeletionProtection, "deletion-protection") }.Where(f => f.Item1).Select(f => f.Item2))}");
        var waits = (entry.Spec.DependsOn ?? []).Where(d => _entries.GetValueOrDefault(d.Name) is not { } e || !Conditions.IsTrue(e.Status?.Conditions, ConditionTypes.Ready)).Select(d => $"{d.As} {d.Name}").ToList();
        if (waits.Count > 0)
            node.Detail($"not ready of what it depends on: {string.Join(", ", waits)}");
    }

    private static string Incarnation(ResourceRecord record) =>
        record.Incarnation > 1 ? string.Create(CultureInfo.InvariantCulture, $", incarnation {record.Incarnation}") : "";

    private static TraceNode PlatformNode(ManagedResource entry)
    {
        var status = entry.Status;
        var id = status?.ProviderId ?? entry.Spec.Record.Parts?.FirstOrDefault()?.Id;
        var node = new TraceNode("PlatformObject", null, $"{entry.Spec.Driver}:{entry.Spec.Kind.ToLowerInvariant()}:{id ?? "none yet"}") { Informational = true };
        var ready = Conditions.Find(status?.Conditions, ConditionTypes.Ready);
        node.Since = ready?.LastTransitionTime;
        node.Mark = ready?.Status switch { ConditionStatus.True => Mark.Ok, ConditionStatus.Unknown => Mark.Unknown, _ => Mark.Waiting };
        node.Reason = status?.State ?? "";
        var own = status?.Observed is { ValueKind: JsonValueKind.Object } observed && observed.TryGetProperty("platformState", out var word) && word.ValueKind == JsonValueKind.String ? word.GetString() : null;
        node.Message = status?.State is null ? "never observed" : $"as last observed{(own is null ? "" : $" (the platform's word: {own})")}";
        if (status?.Addresses is { Count: > 0 } addresses)
            node.Detail($"addresses {string.Join(", ", addresses)}");
        return node;
    }

    /// <summary>Containers that the driver sees, where one isn't well.</summary>
    private IEnumerable<TraceNode> Containers(ManagedResource entry, Instance? instance)
    {
        if (entry.Spec.Kind != ManagedResourceKind.Instance || entry.Status?.Observed is not { } observed)
            yield break;
        InstanceFacts facts;
        try
        {
            facts = ContractJson.Read<InstanceFacts>(observed);
        }
        catch (JsonException)
        {
            // Written by another version: what the conditions say has to do.
            yield break;
        }
        instance ??= _instances.GetValueOrDefault(entry.Spec.Owner.Uid);
        var wanted = instance?.Spec.Runtime.Sandbox;
        var prefix = instance is not null && DeploymentOf(instance.Metadata) is not null ? "spec.template.spec" : "spec";
        foreach (var container in facts.Containers.Where(c => c.Reason is not null || !c.Running))
        {
            var node = new TraceNode("Container", entry.Spec.Owner.Namespace, $"{entry.Spec.Owner.Name}.{container.Name}")
            {
                Reason = container.Reason ?? Reasons.Stopped, Message = container.Message ?? "",
            };
            var index = wanted?.Containers.FindIndex(c => c.Name == container.Name) ?? -1;
            // Between a pull that failed and the driver's next look only the error speaks of the image.
            if (index >= 0 && node.Reason is "Provisioning" && wanted!.Containers[index].Image is { Length: > 0 } image
                && Conditions.Find(entry.Status?.Conditions, ConditionTypes.Ready) is { Status: not ConditionStatus.True, Reason: nameof(ErrorCode.Failed) or nameof(ErrorCode.Invalid) } failed
                && failed.Message.Contains(image, StringComparison.Ordinal))
                (node.Reason, node.Message) = (Reasons.ImageUnavailable, failed.Message);
            node.Mark = Judge.MarkOf(ConditionStatus.False, node.Reason, node.Kind);
            node.Fact("container", container.Name);
            if (index >= 0 && wanted is not null)
            {
                node.Fact("image", wanted.Containers[index].Image);
                node.Fact("containerField", $"{prefix}.runtime.sandbox.containers[{index}]");
                node.Fact("imageField", $"{prefix}.runtime.sandbox.containers[{index}].image");
                node.Fact("pullSecret", wanted.ImagePullSecrets is { Count: > 0 } secrets
                    ? $"the pull secret {string.Join(", ", secrets.Select(s => s.Name))}"
                    : $"whether the registry wants a pull secret ({prefix}.runtime.sandbox.imagePullSecrets names none)");
                if (instance is not null && DeploymentOf(instance.Metadata) is null)
                    node.Fact("workload", $"Instance {instance.Key}");
                node.Detail($"image {wanted.Containers[index].Image}");
            }
            if (container.ExitCode is { } code)
                node.Detail(string.Create(CultureInfo.InvariantCulture, $"last exit code {code}"));
            yield return node;
        }
    }
}
