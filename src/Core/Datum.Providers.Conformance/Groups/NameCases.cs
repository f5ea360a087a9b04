namespace Datum.Providers.Conformance;

/// <summary>CK-205 to CK-211: names at the limits and odd characters.</summary>
[CaseGroup(KitGroup.Names)]
internal static class NameCases
{
    /// <summary>Texts that break whoever pastes them somewhere.</summary>
    private static readonly ImmutableArray<string> Odd =
    [
        "-leading", "trailing-", ".dots.", "..", "../../etc/passwd", "a/b", "a\\b", "two words", "tab\there", "line\nbreak", "cr\r\nX-Injected: 1", "quote\"s'`", "$(reboot)", "`id`", "${HOME}", "{{ .Values.x }}", "{% raw %}",
        "a: b # c", "[1,2]", "{\"a\":1}", "&amp;<b>", "%00%2e", "日本語", "ÄÖÜß", "\U0001F4A5", "a\u0301", "\u202Egnp", "nul\u0000l", "--rm", "*", "?x=y&z", "null", "true", "0", new('x', 63), new('x', 300),
    ];

    [Case(205, "Identities that differ in one digit are two: built, seen and taken down apart", "DC-34 DC-55 L3", Needs = [typeof(ICensus)])]
    public static async Task One_digit_apart(KindRun run)
    {
        var names = (string[])[new string('0', 31) + "1", new string('0', 31) + "2", "1" + new string('0', 31), "10" + new string('0', 30)];
        var all = new List<Resource>();
        foreach (var name in names)
        {
            var resource = await run.PrepareAsync();
            resource.Identity = resource.Identity with { Name = name };
            all.Add(await run.BuildAsync(resource));
        }

        foreach (var one in all)
        {
            await run.ExpectExactlyRecordedAsync(one, $"Beside identities that differ in one digit ({one.Identity.Name})");
            var blind = await (await run.VerbsAsync()).ObserveAsync(one.Identity with { Parts = [] }, one.Spec);
            KindRun.Expect(blind.Presence == Presence.Present && blind.Parts.All(p => one.Identity.PartId(p.Name) == p.Id), $"Without recorded ids {one.Identity.Name} is seen as {blind} (DC-34).");
        }

        await run.TakeDownAsync(all[0]);
        foreach (var other in all.Skip(1))
            await run.ExpectExactlyRecordedAsync(other, "After a neighbour was taken down,");
    }

    [Case(206, "Installations with names of 1 and 16 characters, one the beginning of the other, keep apart", "DC-55 DC-56 L3")]
    public static async Task Installations(KindRun run)
    {
        var main = await run.Run.SessionAsync();
        var built = new List<(Resource Resource, Session Session)>();
        foreach (var installation in (string[])["c", "conf1confconfcon", "conf1confconfcona"[..16].Replace('o', '0'), "conf1"])
        {
            var session = await run.Run.OpenAsync(run.World.Connection with { Installation = installation });
            run.Run.Use(main);
            var resource = await run.PrepareAsync();
            run.Run.Use(session);
            resource.Identity = resource.Identity with { Installation = installation };
            built.Add((await run.BuildAsync(resource), session));
        }

        await run.World.PassAsync(run.Descriptor.ConsistencyWindow);
        if (run.Descriptor.ListQuality == ListQuality.None)
            throw new NotApplicableException("The kind can't be listed.");
        foreach (var (resource, session) in built)
        {
            var names = new HashSet<string>(StringComparer.Ordinal);
            string? cursor = null;
            do
            {
                var page = await session.Of(run.Kind).ListAsync(new ListQuery { Installation = resource.Identity.Installation }, cursor);
                KindRun.Expect(page.Error is null, $"Installation {resource.Identity.Installation}: {page}");
                names.UnionWith(page.Items.Select(i => i.Name));
                cursor = page.Next;
            }
            while (cursor is not null);
            KindRun.Expect(names.Contains(resource.Identity.Name), $"Installation {resource.Identity.Installation} doesn't list its own {resource.Identity.Name} (DC-56).");
            foreach (var (other, _) in built.Where(b => b.Resource != resource))
                KindRun.Expect(!names.Contains(other.Identity.Name), $"Installation {resource.Identity.Installation} lists {other.Identity.Name} of {other.Identity.Installation} (DC-56, L3).");
        }
    }

    [Case(207, "Hints of any characters and length decide nothing and break nothing", "DC-34 DC-11", Needs = [typeof(ICensus)])]
    public static async Task Hints(KindRun run)
    {
        ImmutableArray<string> hints = [.. Odd, new string('日', 4096), ""];
        Resource? resource = null;
        foreach (var hint in run.Run.BreakPoints.Choose(hints))
        {
            resource = await run.PrepareAsync();
            resource.Identity = resource.Identity with { Hint = hint };
            await run.BuildAsync(resource);
            KindRun.Expect(resource.Last!.Drift.IsEmpty, $"With the hint {Cut(hint)} what was built drifts: {resource.Last}");
            await run.ExpectExactlyRecordedAsync(resource, $"With the hint {Cut(hint)}");
        }

        // Another name of the user's is no other resource.
        var verbs = await run.VerbsAsync();
        foreach (var hint in hints)
        {
            var seen = await verbs.ObserveAsync(resource!.Identity with { Hint = hint }, resource.Spec);
            KindRun.Expect(seen.Presence == Presence.Present && seen.Drift.IsEmpty && seen.Next is null && seen.Parts.SequenceEqual(resource.Last!.Parts), $"Seen with the hint {Cut(hint)} it is {seen}, built was {resource.Last}.");
        }
    }

    [Case(208, "Labels at the limits and with odd values are refused with their path or kept without drift, and never become marks", "DC-14 DC-55 DC-75", Needs = [typeof(ICensus)])]
    public static async Task Labels(KindRun run)
    {
        await RefusedOrRestAsync(run,
        [
            .. ((string[])[.. Odd, new string('v', 63), "", "conf1"]).Select((value, i) => new Wish("labels", Cut(value), spec => spec with { Labels = spec.Labels.Add($"team-{i}", value) })),
            new("labels", "a key of 63 characters", spec => spec with { Labels = spec.Labels.Add(new string('k', 63), "v") }),
        ]);
        await RefusedOrRestAsync(run, [new("labels", "many labels", spec => spec with { Labels = spec.Labels.AddRange(Enumerable.Range(0, 60).Select(i => KeyValuePair.Create($"label-{i}", $"value-{i}"))) })]);
    }

    [Case(209, "Hostnames at the limits and with odd characters are refused at hostname or come back as they were wished for", "DC-14 DC-75", Kinds = [ResourceKind.Instance], Needs = [typeof(ICensus)])]
    public static async Task Hostnames(KindRun run)
    {
        foreach (var name in Odd)
            await RefusedOrRestAsync(run, [new("hostname", Cut(name), spec => spec is InstanceSpec s ? s with { Hostname = name } : spec)]);
    }

    [Case(210, "Names of interfaces, volumes and containers with odd characters are refused with their path or come back as they were", "DC-14 DC-75", Kinds = [ResourceKind.Instance], Needs = [typeof(ICensus)])]
    public static async Task Inner_names(KindRun run)
    {
        foreach (var name in (string[])["UPPER", "a..b", "../x", "日本", "q\"uote", "line\nbreak", new('n', 63), "server", "nic-0", "boot"])
        {
            await RefusedOrRestAsync(run,
            [
                new("interfaces", $"interface {Cut(name)}", spec => spec is InstanceSpec { Interfaces: [var nic, .. var rest] } s ? s with { Interfaces = [nic with { Name = name }, .. rest] } : spec),
                new("sandbox", $"container {Cut(name)}", spec => spec is InstanceSpec { Sandbox.Containers: [var first, .. var rest] } s ? s with { Sandbox = s.Sandbox! with { Containers = [first with { Name = name }, .. rest] } } : spec),
                new("volumes", $"volume {Cut(name)}", spec => spec is InstanceSpec { Volumes: [var first, .. var rest] } s
                    ? s with
                    {
                        Volumes = [first with { Name = name }, .. rest],
                        Sandbox = s.Sandbox is { } sandbox ? sandbox with { Containers = [.. sandbox.Containers.Select(c => c with { Mounts = [.. c.Mounts.Select(m => m.Volume == first.Name ? m with { Volume = name } : m)] })] } : null,
                    }
                    : spec),
            ]);
        }
    }

    [Case(211, "Values, commands and arguments of containers reach the platform without being interpreted, or are refused with their path", "DC-14 DC-75", Kinds = [ResourceKind.Instance], Needs = [typeof(ICensus)])]
    public static async Task Container_values(KindRun run)
    {
        await RefusedOrRestAsync(run, [.. Odd.Select((value, i) => new Wish("sandbox", $"value {Cut(value)}", spec => spec is InstanceSpec { Sandbox.Containers: [var first, .. var rest] } s
            ? s with { Sandbox = s.Sandbox! with { Containers = [first with { Args = [.. first.Args, value], Environment = [.. first.Environment, new EnvironmentVariable { Name = $"ODD{i}", Value = value }] }, .. rest] } }
            : spec))]);
    }

    /// <summary>
    /// Each wish is refused by a finding below its path, or built and then at rest without drift. What isn't refused is built in one resource;
    /// where that goes wrong, in one each, so that the failure names the one.
    /// </summary>
    private static async Task RefusedOrRestAsync(KindRun run, ImmutableArray<Wish> wishes)
    {
        var together = await run.PrepareAsync();
        var accepted = new List<Wish>();
        foreach (var wish in wishes)
        {
            var findings = await RefusalsAsync(run, wish.Change(together.Spec));
            KindRun.Expect(findings.All(f => f.Path.StartsWith(wish.Path, StringComparison.Ordinal)), $"{wish.What}: refused at {string.Join(", ", findings.Select(f => f.Path))}, not at {wish.Path} (DC-14).");
            if (findings.IsEmpty)
                accepted.Add(wish);
        }

        if (accepted.Count == 0)
            return;
        together.Spec = accepted.Aggregate(together.Spec, (spec, wish) => wish.Change(spec));
        var wrong = "refused";
        if (accepted.Count == 1 || (await RefusalsAsync(run, together.Spec)).IsEmpty)
        {
            try
            {
                await RestsAsync(run, together, string.Join(", ", accepted.Select(w => w.What)));
                return;
            }
            catch (CaseFailedException e) when (accepted.Count > 1)
            {
                wrong = e.Message;
            }
        }

        foreach (var wish in accepted)
        {
            var alone = await run.PrepareAsync();
            alone.Spec = wish.Change(alone.Spec);
            await RestsAsync(run, alone, wish.What);
        }

        // Each is right by itself; a platform may refuse so many at once, but what it accepts must rest.
        KindRun.Expect(wrong == "refused", wrong);
    }

    private static async Task RestsAsync(KindRun run, Resource resource, string what)
    {
        await run.BuildAsync(resource);
        KindRun.Expect(resource.Last is { Next: null } && resource.Last.Drift.IsEmpty, $"{what}: accepted, built, and it drifts: {resource.Last} (DC-75).");
        await run.ExpectExactlyRecordedAsync(resource, $"With {what}");
    }

    private static async Task<ImmutableArray<Finding>> RefusalsAsync(KindRun run, ResourceSpec spec) => [.. (await (await run.VerbsAsync()).ValidateAsync(spec)).Where(f => !f.Tolerated)];

    /// <summary>A change of a sample's wish, the path below which it may be refused, and what it is called in a failure.</summary>
    private sealed record Wish(string Path, string What, Func<ResourceSpec, ResourceSpec> Change);

    private static string Cut(string text) => text.Length > 24 ? text[..24] + "…" : text;
}
