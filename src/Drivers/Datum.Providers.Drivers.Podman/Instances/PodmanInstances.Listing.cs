using System.Globalization;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

internal sealed partial class PodmanInstances
{
    /// <summary>Three requests whatever the number of instances: pods, containers, secrets; and a look into each running pod's packet filter, which Podman doesn't know.</summary>
    public async ValueTask<Answer<ListPage<InstanceFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        if (Pages.Bad(ResourceKind.Instance, cursor) is { } bad)
            return bad;
        string[] labels = [$"{Marks.InstallKey}={query.Installation}", Session.KindLabel(ResourceKind.Instance)];
        var pods = await session.Podman.PodsAsync(call, labels);
        if (pods.Error is { } podsError)
            return podsError;
        var containers = await session.Podman.ContainersAsync(call, "label", labels);
        if (containers.Error is { } containersError)
            return containersError;
        var secrets = await session.Podman.SecretsAsync(call);
        if (secrets.Error is { } secretsError)
            return secretsError;

        var members = containers.Value!.ToLookup(c => c.Pod ?? "", StringComparer.Ordinal);
        var ours = pods.Value!.Select(p => (Pod: p, Mark: Marks.Parse(p.Labels ?? []))).Where(p => p.Mark is { Part: null })
            .Select(p => (p.Pod, Mark: p.Mark!, Inside: members[p.Pod.Id].OrderBy(c => c.Id, StringComparer.Ordinal).ToImmutableArray())).ToDictionary(p => p.Pod.Id, StringComparer.Ordinal);
        var items = ImmutableArray.CreateBuilder<Listed<InstanceFacts>>();
        items.AddRange(ours.Values.Select(p => Item(p.Pod, p.Mark, p.Inside)));
        items.AddRange(containers.Value!.Where(c => !ours.ContainsKey(c.Pod ?? "")).Select(Outside).OfType<Listed<InstanceFacts>>());

        // What a removal that was cut off left behind.
        var seen = items.Select(i => i.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var left in secrets.Value!.Select(s => Payloads.InstanceOf(query.Installation, s.Spec.Name)).OfType<string>().Distinct(StringComparer.Ordinal))
            if (!seen.Contains(left))
                items.Add(new Listed<InstanceFacts>
                {
                    Name = left,
                    Incarnation = 0,
                    Parts = [new Part { Name = InstanceParts.Payload, Id = $"{Payloads.InstallationPrefix(query.Installation)}{left}-" }],
                    State = Lifecycle.Deleting,
                    Revision = "payload",
                });
        var page = Pages.Of(ResourceKind.Instance, items, query.PageSize, cursor);
        var shown = ImmutableArray.CreateBuilder<Listed<InstanceFacts>>(page.Items.Length);
        // Only for what this page shows: a listing looks into each pod's filter once, however many pages it has.
        foreach (var item in page.Items)
            shown.Add(ours.TryGetValue(item.Parts[0].Id, out var pod) && await FilterAsync(call, pod.Inside) is { Length: > 0 } filter
                ? item with { Revision = Fingerprint.Hash([item.Revision!, filter]) } : item);
        return page with { Items = shown.MoveToImmutable() };
    }

    /// <summary>A container with our mark in no pod of ours, e.g. a copy; the infra container of somebody's pod isn't one.</summary>
    private static Listed<InstanceFacts>? Outside(ContainerListItem container) =>
        container.IsInfra || Marks.Parse(container.Labels ?? []) is not { } mark || !InstanceParts.IsContainer(mark.Part) ? null : new Listed<InstanceFacts>
        {
            Name = mark.Name,
            Incarnation = mark.Incarnation,
            Parts = [new Part { Name = mark.Part!, Id = container.Id }],
            State = Lifecycle.Degraded,
            Revision = Fingerprint.Hash([OfMember(container)]),
        };

    // Empty where there is none or none can be read. A look shows it, so the revision must change with it (DC-60).
    private async ValueTask<string> FilterAsync(Call call, ImmutableArray<ContainerListItem> members)
    {
        if (session.Firewall.Unavailable is not null || members.FirstOrDefault(m => m.IsInfra && m.State == "running" && m.Pid > 0) is not { } infra)
            return "";
        var loaded = await session.Firewall.ReadAsync(string.Create(CultureInfo.InvariantCulture, $"/proc/{infra.Pid}/ns/net"), call.Cancellation);
        return loaded.Value?.ToString() ?? "";
    }

    private static string OfMember(ContainerListItem member) =>
        string.Create(CultureInfo.InvariantCulture, $"{member.Id}/{member.State}/{member.Pid}/{member.ExitCode}/{member.StartedAt}");

    private static Listed<InstanceFacts> Item(PodListItem pod, Mark mark, ImmutableArray<ContainerListItem> members)
    {
        // The infra container's process is in it: with a new one the network and its rules are new.
        var revision = Fingerprint.Hash([pod.Id, pod.Status ?? "", pod.InfraId ?? "", .. members.Select(OfMember)]);
        var own = members.Where(m => !m.IsInfra && m.Labels?.ContainsKey(InstanceParts.ContainerLabel) == true).ToList();
        var parts = ImmutableArray.CreateBuilder<Part>();
        parts.Add(new Part { Name = InstanceParts.Pod, Id = pod.Id });
        foreach (var member in own.OrderBy(m => m.Labels![InstanceParts.ContainerLabel], StringComparer.Ordinal))
            parts.Add(new Part { Name = InstanceParts.Container(member.Labels![InstanceParts.ContainerLabel]), Id = member.Id });
        var running = members.Any(m => m.IsInfra && m.State == "running") && own.Count > 0 && own.All(m => m.State == "running");
        var started = own.Any(m => m.State is not ("created" or "configured" or "initialized"));
        return new Listed<InstanceFacts>
        {
            Name = mark.Name,
            Incarnation = mark.Incarnation,
            Parts = parts.ToImmutable(),
            State = running ? Lifecycle.Ready : started ? Lifecycle.Degraded : Lifecycle.Creating,
            Revision = revision,
            CreatedAt = pod.Created,
        };
    }
}
