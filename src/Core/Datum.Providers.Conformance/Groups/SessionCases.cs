using System.Text.Json;

namespace Datum.Providers.Conformance;

/// <summary>CK-020 to CK-029: opening, probing and closing sessions; what the world must be able to show.</summary>
[CaseGroup(KitGroup.Session)]
internal static class SessionCases
{
    [Case(20, "The world can show what the kit asks: a transport, a count of objects, samples of every kind, secrets to watch for", "L1 L2 L12")]
    public static Task World_is_able(CaseRun run)
    {
        var world = run.World;
        var speaksHttp = world.Connection.Endpoint is not { } endpoint || endpoint.Scheme is "http" or "https" or "unix";
        CaseRun.Expect(world.Transport is not null || !speaksHttp, "The world lends no transport: every case with a fault would be skipped. Lend the handler that leads to the platform.");
        CaseRun.Expect(world is ICensus, "The world doesn't implement ICensus: what the driver says of itself proves nothing.");
        CaseRun.Expect(world is IVanish, "The world doesn't implement IVanish: losses can't be shown.");
        // Labels of some platforms can't be changed: then a foreign object has to do.
        CaseRun.Expect(world is IMarkTampering or IForeignObjects, "The world implements neither IMarkTampering nor IForeignObjects: ownership (L3) can't be shown.");
        var takesSecrets = !run.Descriptor.CredentialKeys.IsEmpty || run.Descriptor.Kinds.Any(k => k.Kind == ResourceKind.Secret) || run.Descriptor.Capabilities.Secrets != SecretRoute.None;
        CaseRun.Expect(run.Leaks.Watched > 0 || !takesSecrets, "Neither Credentials nor a secret payload has a value of 8 or more bytes: leaks (L12) couldn't be seen.");
        foreach (var kind in run.Descriptor.Kinds)
        {
            if (world.SampleOf(kind.Kind) is not { } sample)
                throw new CaseFailedException($"The world has no sample of {kind.Kind}, which the driver has.");
            CaseRun.Expect(!sample.Invalid.IsEmpty || !string.IsNullOrWhiteSpace(sample.NothingInvalid), $"The sample of {kind.Kind} has no invalid wish; give NothingInvalid a reason if there is none.");
            CaseRun.Expect(kind.UpdatablePaths.IsEmpty || sample.InPlace is not null, $"{kind.Kind} has UpdatablePaths, but its sample has no InPlace.");
            foreach (var needed in sample.Needs.AddRange(sample.NeedsOwn))
                CaseRun.Expect(run.Descriptor.Kinds.Any(k => k.Kind == needed), $"The sample of {kind.Kind} needs {needed}, which the driver doesn't have.");
        }

        foreach (var key in run.Descriptor.CredentialKeys.Where(k => k.Required))
            CaseRun.Expect(!world.Credentials.GetValueOrDefault(key.Key).IsEmpty, $"The world's Credentials lack {key.Key}, which the descriptor requires.");
        return Task.CompletedTask;
    }

    [Case(21, "The session has verbs for exactly the kinds that the descriptor names", "DC-1")]
    public static async Task Kinds_match(CaseRun run)
    {
        var session = await run.SessionAsync();
        var described = run.Descriptor.Kinds.Select(k => k.Kind).Order().ToList();
        CaseRun.Expect(session.Kinds.Order().SequenceEqual(described), $"The descriptor names {string.Join(", ", described)}, the session has {string.Join(", ", session.Kinds)}.");
    }

    [Case(22, "The session implements exactly the abilities that the descriptor announces, and kinds adopt exactly where they say so", "DC-100")]
    public static async Task Abilities_match(CaseRun run)
    {
        var session = await run.SessionAsync();
        Check(Ability.Power, session.Driver is IPowerControl);
        Check(Ability.ConsoleLog, session.Driver is IConsoleLog);
        Check(Ability.ImageCatalog, session.Driver is IImageCatalog);
        Check(Ability.Offerings, session.Driver is IOfferings);
        Check(Ability.Quotas, session.Driver is IQuotas);
        Check(Ability.ChangeFeed, session.Driver is IChangeFeed);
        Check(Ability.Usage, session.Driver is IUsageReader);
        foreach (var kind in run.Descriptor.Kinds)
            CaseRun.Expect(session.Of(kind.Kind).Adopts == kind.Adoptable, $"{kind.Kind}: Adoptable is {kind.Adoptable}, but its verbs {(kind.Adoptable ? "don't " : "")}implement IAdoption.");

        void Check(Ability ability, bool implemented) => CaseRun.Expect(run.Descriptor.Abilities.Contains(ability) == implemented,
            $"{ability} is {(implemented ? "implemented but not announced" : "announced but not implemented")}.");
    }

    [Case(23, "A probe names an account, and the same one each time and in every session", "DC-3 L15")]
    public static async Task Probe_is_stable(CaseRun run)
    {
        var first = await AccountAsync(await run.SessionAsync());
        CaseRun.Expect(first == await AccountAsync(await run.SessionAsync()), "A second probe names another account.");
        var other = await run.OpenAsync();
        CaseRun.Expect(first == await AccountAsync(other), "A second session names another account.");
    }

    [Case(24, "A probe changes nothing at the platform", "DC-3 DC-20", Needs = [typeof(ICensus)])]
    public static async Task Probe_changes_nothing(CaseRun run)
    {
        var before = (await run.Need<ICensus>().CountAsync()).Length;
        await AccountAsync(await run.SessionAsync());
        CaseRun.Expect((await run.Need<ICensus>().CountAsync()).Length == before, "A probe made or removed something.");
    }

    [Case(25, "A session that can't reach the platform fails to open with a DriverException, or opens and the probe says Unavailable", "DC-2 DC-11 DC-45", Fault = true)]
    public static async Task Unreachable_platform(CaseRun run)
    {
        run.Faults.Arm(new Fault { Kind = FaultKind.Refuse, MutationsOnly = false, Times = int.MaxValue });
        var error = await OpenAndProbeAsync(run);
        CaseRun.Expect(error.Code == ErrorCode.Unavailable, $"A refused connection is {error.Code}, not Unavailable: {Show.Of(error)}");
        CaseRun.Expect(error.Effect == Effect.NotApplied, $"A request that never left has effect {error.Effect}, not NotApplied.");
    }

    [Case(26, "A platform that answers 503 or garbage is reported as an error, not as an account", "DC-3 DC-11 DC-48", Fault = true)]
    public static async Task Broken_platform(CaseRun run)
    {
        run.Faults.Arm(new Fault { Kind = FaultKind.StatusBefore, Status = 503, MutationsOnly = false, Times = int.MaxValue });
        var error = await OpenAndProbeAsync(run);
        CaseRun.Expect(error.Code == ErrorCode.Unavailable, $"503 is {error.Code}, not Unavailable: {Show.Of(error)}");
        run.Faults.Disarm();
        run.Faults.Arm(new Fault { Kind = FaultKind.GarbageBody, MutationsOnly = false, Times = int.MaxValue });
        await OpenAndProbeAsync(run);
    }

    [Case(27, "A probe that hangs ends at its deadline with Timeout", "DC-13", Fault = true)]
    public static async Task Probe_ends_at_its_deadline(CaseRun run)
    {
        var session = await run.SessionAsync();
        run.Faults.Arm(new Fault { Kind = FaultKind.TimeoutBefore, MutationsOnly = false, Verb = "probe", Times = int.MaxValue });
        var answer = await session.ProbeAsync();
        if (run.Faults.Hits == 0)
            throw new NotApplicableException("The probe sends no request.");
        CaseRun.Expect(answer.Error?.Code == ErrorCode.Timeout, $"A probe whose deadline passed answered {(answer.Error is { } e ? Show.Of(e) : "an account")}.");
    }

    [Case(28, "Settings that the schema doesn't allow are refused with Invalid, by DriverException", "DC-2")]
    public static async Task Bad_settings(CaseRun run)
    {
        var bad = run.World.Connection with { Settings = JsonSerializer.SerializeToElement(new { conformanceNoSuchSetting = true }) };
        using var schema = JsonDocument.Parse(run.Descriptor.SettingsSchema);
        if (schema.RootElement.TryGetProperty("x-kubernetes-preserve-unknown-fields", out _))
            throw new NotApplicableException("The settings schema takes any field.");
        try
        {
            await run.TryOpenAsync(bad);
        }
        catch (DriverException e)
        {
            CaseRun.Expect(e.Error.Code == ErrorCode.Invalid && e.Error.Effect == Effect.NotApplied, $"Unknown settings are refused with {Show.Of(e.Error)}, not Invalid and NotApplied.");
            return;
        }

        throw new NotApplicableException("The driver ignores settings that it doesn't know; the host checks them against the schema first.");
    }

    [Case(29, "A session closes twice without harm, beside another that goes on, and nothing is sent afterwards", "DC-7 DC-5")]
    public static async Task Sessions_close(CaseRun run)
    {
        var first = await run.SessionAsync();
        var second = await run.OpenAsync();
        await AccountAsync(first);
        for (var time = 1; time <= 2; time++)
        {
            try
            {
                await first.Driver.DisposeAsync();
            }
            catch (Exception e)
            {
                throw new CaseFailedException($"DisposeAsync, time {time}, threw {e.GetType().Name}: {e.Message} (DC-7).");
            }
        }

        var sent = run.Faults.Requests.Length;
        await AccountAsync(second);
        CaseRun.Expect(run.Faults.Requests.Skip(sent).All(r => r.Verb == "probe" || r.Verb == "connect"), "A request was sent outside of any call after the session had been closed.");
    }

    private static async Task<string> AccountAsync(Session session)
    {
        var answer = await session.ProbeAsync();
        if (answer.Value is not { } account)
            throw new CaseFailedException($"The probe failed: {Show.Of(answer.Error!)}");
        CaseRun.Expect(!string.IsNullOrWhiteSpace(account.AccountId), "AccountId is empty.");
        return account.AccountId;
    }

    private static async Task<DriverError> OpenAndProbeAsync(CaseRun run)
    {
        try
        {
            var session = await run.TryOpenAsync(run.World.Connection);
            var answer = await session.ProbeAsync();
            return answer.Error ?? throw new CaseFailedException($"The probe named account {answer.Value!.AccountId} although the platform gave no answer.");
        }
        catch (DriverException e)
        {
            return e.Error;
        }
    }
}
