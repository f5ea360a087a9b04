using System.Text;
using System.Text.Json;

namespace Datum.Providers.Conformance;

/// <summary>CK-195 to CK-204: secrets in no output, whatever goes wrong.</summary>
[CaseGroup(KitGroup.Secrets)]
internal static class SecretCases
{
    private static readonly ImmutableArray<int> Statuses = [400, 401, 403, 409, 422, 429, 500, 503];

    [Case(195, "Through a whole life nothing that leaves the driver holds a credential or a payload", "DC-84 L12", Needs = [typeof(ICensus)])]
    public static async Task A_whole_life(KindRun run)
    {
        KindRun.Expect(run.Run.Leaks.Watched > 0, "The world has no secret to watch for.");
        var resource = await run.BuiltAsync();
        var verbs = await run.VerbsAsync();
        await verbs.ValidateAsync(resource.Spec);
        await run.ObserveAsync(resource);
        await verbs.ListAsync(new ListQuery { Installation = run.World.Connection.Installation });
        if (run.Sample.InPlace is { } change)
        {
            resource.Spec = change(resource.Context);
            await run.BuildAsync(resource);
        }

        await run.CountAsync(resource);
        await run.TakeDownAsync(resource);
    }

    [Case(196, "A platform that repeats in its refusal the body that it was sent doesn't carry payloads into errors and logs", "DC-84 DC-50 L12", Fault = true)]
    public static Task Echoed_body(KindRun run) => EachMutationAsync(run, FaultKind.StatusBefore, Echo.Body);

    [Case(197, "A platform that repeats in its refusal the headers that it was sent doesn't carry credentials into errors and logs", "DC-84 DC-50 L12", Fault = true)]
    public static async Task Echoed_headers(KindRun run)
    {
        var built = await run.BuiltAsync();
        var session = await run.Run.SessionAsync();
        var verbs = session.Of(run.Kind);
        // What stands in these headers is as good as the credential.
        foreach (var (name, value) in run.Faults.Requests.SelectMany(r => r.Headers).Where(h => Echo.IsSecret(h.Key)).Distinct())
            run.Run.Leaks.Add($"header {name}", Encoding.UTF8.GetBytes(value[(value.LastIndexOf(' ') + 1)..]));
        foreach (var status in Statuses)
        {
            run.Faults.Arm(new Fault { Kind = FaultKind.StatusBefore, Status = status, MutationsOnly = false, Times = 100, Echo = Echo.Headers });
            await session.ProbeAsync();
            await verbs.ObserveAsync(built.Identity, built.Spec);
            await verbs.ListAsync(new ListQuery { Installation = run.World.Connection.Installation });
            run.Faults.Disarm();
        }

        await EachMutationAsync(run, FaultKind.StatusBefore, Echo.Headers);
    }

    [Case(198, "An answer of success that can't be read and repeats what was sent doesn't carry payloads into errors and logs", "DC-84 DC-50 L12", Fault = true)]
    public static async Task Echoed_success(KindRun run)
    {
        await EachMutationAsync(run, FaultKind.StatusAfter, Echo.Body, [200]);
        await EachMutationAsync(run, FaultKind.StatusAfter, r => Echo.Body(r)[1..], [200]);
    }

    [Case(199, "A refusal whose machine code, request id or other headers repeat the secret doesn't carry it into errors and logs", "DC-84 DC-50 L12", Fault = true)]
    public static Task Echoed_elsewhere(KindRun run) => EachMutationAsync(run, FaultKind.StatusBefore, Echo.Code, [400, 409]);

    [Case(200, "Whatever breaks the connection while payloads are sent, no error, exception or log holds them", "DC-84 L12", Fault = true)]
    public static async Task Broken_wire(KindRun run)
    {
        foreach (var kind in (FaultKind[])[FaultKind.Refuse, FaultKind.ResetBefore, FaultKind.ResetAfter, FaultKind.TruncatedBody, FaultKind.GarbageBody, FaultKind.EmptyBody, FaultKind.Redirect, FaultKind.CancelAfter, FaultKind.TimeoutBefore])
            await EachMutationAsync(run, kind, Echo.Body, [307]);
    }

    [Case(201, "A payload that changed is seen as drift by its hash, never by its value, and is brought to the platform", "DC-79 DC-84 DC-85 L12", Kinds = [ResourceKind.Secret])]
    public static async Task Rotated(KindRun run)
    {
        if (run.Sample.InPlace is not { } change)
            throw new NotApplicableException("The sample has no other payload.");
        var resource = await run.BuiltAsync();
        resource.Spec = change(resource.Context);
        var seen = await run.ObserveAsync(resource);
        KindRun.Expect(!seen.Drift.IsEmpty, $"The payload has another hash, and the look finds no drift: {seen} (DC-79).");
        await run.BuildAsync(resource);
        KindRun.Expect(resource.Last!.Drift.IsEmpty, $"The payload was updated and still drifts: {resource.Last} (DC-77).");
        if (run.World.Transport is not null)
            KindRun.Expect(run.Faults.Requests.Any(r => r.Verb == "update" && r.Mutation), "The drift is gone although nothing was sent.");
    }

    [Case(202, "Payloads aren't kept after the call that read them", "DC-85 L12")]
    public static async Task Not_kept(KindRun run)
    {
        var copies = new List<WeakReference>();
        run.Run.Shape = new CallShape { Copies = copies };
        await BuildAndForgetAsync(run);
        if (copies.Count == 0)
            throw new NotApplicableException("Nothing of this kind reads a payload.");
        for (var i = 0; i < 20 && copies.Any(c => c.IsAlive); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Yield();
        }

        KindRun.Expect(copies.All(c => !c.IsAlive), $"{copies.Count(c => c.IsAlive)} of {copies.Count} values that were read during calls are still held, with the session open (DC-85).");
    }

    [Case(203, "Secrets go to the platform only where they belong: never in an address, a header, a name or a mark", "DC-84 DC-86 L12")]
    public static async Task Only_in_bodies(KindRun run)
    {
        await run.BuiltAsync();
        var payloads = new LeakCheck();
        foreach (var content in run.World.Payloads.Where(p => p.Secret))
            foreach (var (key, value) in content.Values)
                payloads.Add($"secret {content.Name}/{key}", value.Span);
        foreach (var request in run.Faults.Requests)
        {
            var line = request.Uri.AbsoluteUri + " " + string.Join(' ', request.Headers.Select(h => $"{h.Key}: {h.Value}"));
            KindRun.Expect(payloads.Find(line) is null, $"{payloads.Find(line)} is in the address or a header of {request.Method} {request.Uri.AbsolutePath.Split('/')[1]} (DC-84).");
            KindRun.Expect(run.Run.Leaks.Find(request.Uri.AbsoluteUri) is null, $"{run.Run.Leaks.Find(request.Uri.AbsoluteUri)} is in an address (DC-84).");
        }
    }

    [Case(204, "A payload that is missing is an error that names it, and no value of its neighbours", "DC-84 DC-85 DC-50")]
    public static async Task Missing_payload(KindRun run)
    {
        var asked = 0;
        var steps = (await run.BuiltAsync()).Steps.Count;
        for (var at = 0; at < steps && asked == 0; at++)
        {
            if (await Sweep.UpToAsync(run, at) is not var (resource, step, verbs))
                continue;
            run.Run.Shape = new CallShape { Missing = () => ++asked == 1 };
            var before = run.Faults.Mutations;
            var result = await verbs.CreateAsync(step, resource.TokenOf(step), resource.Identity, resource.Spec);
            run.Run.Shape = new CallShape();
            if (asked > 0)
                KindRun.Expect(result.Error is { Effect: Effect.NotApplied } && run.Faults.Mutations == before,
                    $"A payload isn't there; {step.Verb} {step.Part} sent {run.Faults.Mutations - before} mutations and says {result} (DC-85).");
        }

        if (asked == 0)
            throw new NotApplicableException("Nothing of this kind reads a payload.");
    }

    private static async Task BuildAndForgetAsync(KindRun run) => await run.BuiltAsync();

    /// <summary>For each mutating step of building, status by status: the fault, one call, and the next resource. What leaked is found at the end of the case.</summary>
    private static async Task EachMutationAsync(KindRun run, FaultKind kind, Func<RequestRecord, string> echo, ImmutableArray<int> statuses = default)
    {
        var steps = (await run.BuiltAsync()).Steps.Count;
        foreach (var (at, status) in run.Run.BreakPoints.Choose(Enumerable.Range(0, steps).SelectMany(at => (statuses.IsDefault ? Statuses : statuses).Select(status => (at, status)))))
        {
            if (await Sweep.UpToAsync(run, at) is not var (resource, step, verbs))
                continue;
            run.Faults.Arm(new Fault { Kind = kind, Status = status, Times = 4, Echo = echo, Headers = [new("X-Request-Id", "kit-1")] });
            await verbs.CreateAsync(step, resource.TokenOf(step), resource.Identity, resource.Spec);
            run.Faults.Disarm();
        }
    }

    /// <summary>Answers as platforms give them that repeat the request.</summary>
    private static class Echo
    {
        public static bool IsSecret(string header) =>
            header.Contains("auth", StringComparison.OrdinalIgnoreCase) || header.Contains("token", StringComparison.OrdinalIgnoreCase) || header.Contains("cookie", StringComparison.OrdinalIgnoreCase);

        public static string Body(RequestRecord request) => Message(Encoding.UTF8.GetString(request.Body.Span));

        public static string Headers(RequestRecord request) => Message(string.Join("; ", request.Headers.Where(h => IsSecret(h.Key)).Select(h => $"{h.Key}={h.Value} / {h.Value[(h.Value.LastIndexOf(' ') + 1)..]}")));

        public static string Code(RequestRecord request) => JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["code"] = Encoding.UTF8.GetString(request.Body.Span),
            ["error"] = new Dictionary<string, string> { ["code"] = Encoding.UTF8.GetString(request.Body.Span), ["message"] = "refused" },
            ["requestId"] = Encoding.UTF8.GetString(request.Body.Span),
        });

        private static string Message(string text)
        {
            // Whatever form the driver sends a secret in, some platform repeats it so.
            var decoded = string.Join(' ', Base64Texts(text));
            var all = $"Invalid request: {text} {decoded} {Uri.EscapeDataString(decoded)} {JsonEncodedText.Encode(decoded)}";
            return JsonSerializer.Serialize(new Dictionary<string, object> { ["code"] = "INVALID", ["message"] = Cut(all), ["error"] = new Dictionary<string, string> { ["code"] = "INVALID", ["message"] = Cut(decoded + " " + all) } });
        }

        private static string Cut(string text) => text.Length > 60000 ? text[..60000] : text;

        private static IEnumerable<string> Base64Texts(string text)
        {
            foreach (var word in text.Split('"', ' ', ',', ':'))
            {
                var buffer = new byte[word.Length];
                if (word.Length >= 12 && Convert.TryFromBase64String(word.Replace("\\u002B", "+", StringComparison.Ordinal), buffer, out var count))
                    yield return Encoding.UTF8.GetString(buffer, 0, count);
            }
        }
    }
}
