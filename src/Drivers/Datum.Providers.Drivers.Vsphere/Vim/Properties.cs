namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>An object and the properties that were asked for; with <see cref="Withheld"/> some of them aren't shown, for that reason.</summary>
internal sealed record VimObject(MoRef Ref, ImmutableDictionary<string, VimNode> Properties, string? Withheld)
{
    public bool Hidden => Withheld is not null;

    public VimNode? Find(string property) => Properties.GetValueOrDefault(property);

    public string? String(string property) => Find(property)?.Text is { Length: > 0 } text ? text : null;

    public bool? Flag(string property) => String(property) switch { "true" or "1" => true, "false" or "0" => false, _ => null };
}

/// <summary>One page of objects. Without <see cref="Complete"/> rights hid something.</summary>
internal sealed record VimPage(ImmutableArray<VimObject> Objects, string? Token, bool Complete);

/// <summary>How properties are read: of one object, of those that it refers to, of everything in the inventory.</summary>
internal sealed class Properties(VimClient client)
{
    /// <summary>Objects of one question.</summary>
    private const int AtOnce = 250;


    /// <summary>Reads one object; both are null when it isn't there.</summary>
    public async ValueTask<(VimObject? Object, DriverError? Error)> ReadAsync(Call call, MoRef target, params string[] paths)
    {
        var (page, error) = await RetrieveAsync(call, w => Filter(w, target.Type, paths, o => o.Ref("obj", target)), null);
        if (error is not null)
            return error.PlatformCode == "ManagedObjectNotFound" ? (null, null) : (null, error);
        var found = page!.Objects.FirstOrDefault(o => o.Ref == target);
        return found is { Withheld: { } reason } ? (null, Unread(target.Value, reason)) : found is not null ? (found, null) : (null, null);
    }

    /// <summary>Reads the objects that a property of another refers to.</summary>
    public async ValueTask<(ImmutableArray<VimObject> Objects, DriverError? Error)> ReadThroughAsync(Call call, MoRef from, string path, string type, params string[] paths)
    {
        var all = ImmutableArray.CreateBuilder<VimObject>();
        string? token = null;
        do
        {
            var (page, error) = await RetrieveAsync(call, w => Filter(w, type, paths, o => o.Ref("obj", from).Flag("skip", true).Open("selectSet", "TraversalSpec")
                .Text("type", from.Type).Text("path", path).Flag("skip", false).Close()), null, token);
            if (error is not null)
                return ([], error);
            if (!page!.Complete)
                return ([], Unread($"all of {path} of {from.Value}", page.Objects.First(o => o.Hidden).Withheld!));
            all.AddRange(page.Objects);
            token = page.Token;
        }
        while (token is not null);
        return (all.ToImmutable(), null);
    }

    /// <summary>
    /// A page of those objects of a type in the inventory that are wanted, after the one that a cursor names. Pages of the platform's own belong
    /// to one session and are used up; so the references are read anew for each page, in an order of their own, and then objects by them until
    /// the page is full.
    /// </summary>
    public async ValueTask<(VimPage? Page, DriverError? Error)> ListAsync(Call call, string type, int size, string? after, Func<VimObject, bool> wanted, params string[] paths)
    {
        var (all, error) = await CollectAsync(call, (w, root) => Filter(w, type, [], o => From(o, root, type)));
        if (error is not null)
            return (null, error);
        var refs = all!.Objects.Select(o => o.Ref).Where(r => after is null || string.CompareOrdinal(r.Value, after) > 0).OrderBy(r => r.Value, StringComparer.Ordinal).ToList();
        var found = ImmutableArray.CreateBuilder<VimObject>();
        var complete = true;
        foreach (var some in refs.Chunk(AtOnce))
        {
            // A full page isn't read further: whether more is wanted, the next one shows.
            if (found.Count == size)
                return (new VimPage(found.ToImmutable(), found[^1].Ref.Value, complete), null);
            (var page, error) = await CollectAsync(call, (w, _) => Filter(w, type, paths, o => o.Ref("obj", some[0]), some.Skip(1)));
            if (error is not null)
                return (null, error);
            foreach (var item in page!.Objects.OrderBy(o => o.Ref.Value, StringComparer.Ordinal))
            {
                complete &= !item.Hidden;
                if (!wanted(item))
                    continue;
                if (found.Count == size)
                    return (new VimPage(found.ToImmutable(), found[^1].Ref.Value, complete), null);
                found.Add(item);
            }
        }

        return (new VimPage(found.ToImmutable(), null, complete), null);
    }

    /// <summary>All objects of a type in the inventory.</summary>
    public async ValueTask<(ImmutableArray<VimObject> Objects, bool Complete, DriverError? Error)> AllAsync(Call call, string type, params string[] paths)
    {
        var (page, error) = await CollectAsync(call, (w, root) => Filter(w, type, paths, o => From(o, root, type)));
        return error is not null ? ([], false, error) : (page!.Objects, page.Complete, null);
    }

    /// <summary>From the root down: folders in folders, and of each datacenter the folder that holds such objects. Clusters of datastores are folders too.</summary>
    private static void From(VimWriter writer, MoRef root, string type) => writer.Ref("obj", root).Flag("skip", true)
        .Open("selectSet", "TraversalSpec").Text("name", "folders").Text("type", "Folder").Text("path", "childEntity").Flag("skip", false)
        .Open("selectSet").Text("name", "folders").Close().Open("selectSet").Text("name", "datacenters").Close().Close()
        .Open("selectSet", "TraversalSpec").Text("name", "datacenters").Text("type", "Datacenter")
        .Text("path", type switch { "VirtualMachine" => "vmFolder", "Datastore" => "datastoreFolder", _ => "networkFolder" }).Flag("skip", false)
        .Open("selectSet").Text("name", "folders").Close().Close();

    /// <summary>All pages of one question, within the call.</summary>
    private async ValueTask<(VimPage? Page, DriverError? Error)> CollectAsync(Call call, Action<VimWriter, MoRef> filter)
    {
        var (content, none) = await client.ContentAsync(call);
        if (none is not null)
            return (null, none);
        var all = ImmutableArray.CreateBuilder<VimObject>();
        string? token = null;
        do
        {
            var (page, error) = await RetrieveAsync(call, w => filter(w, content!.RootFolder), null, token);
            if (error is not null)
                return (null, error);
            all.AddRange(page!.Objects);
            token = page.Token;
        }
        while (token is not null);
        return (new VimPage(all.ToImmutable(), null, all.All(o => !o.Hidden)), null);
    }

    private async ValueTask<(VimPage? Page, DriverError? Error)> RetrieveAsync(Call call, Action<VimWriter>? filter, int? size, string? token = null)
    {
        var (content, error) = await client.ContentAsync(call);
        if (error is not null)
            return (null, error);
        var answer = token is not null
            ? await client.CallAsync(call, "ContinueRetrievePropertiesEx", content!.PropertyCollector, w => w.Text("token", token), mutates: false, IsRefusal)
            : await client.CallAsync(call, "RetrievePropertiesEx", content!.PropertyCollector, w =>
            {
                filter!(w);
                w.Open("options").Number("maxObjects", size).Close();
            }, mutates: false, IsRefusal);
        if (answer.Error is not null)
            return (null, answer.Error);
        // Nothing at all is an answer without a result.
        if (answer.Result is not { } result)
            return (new VimPage([], null, true), null);
        var objects = result.All("objects").Select(ToObject).OfType<VimObject>().ToImmutableArray();
        return (new VimPage(objects, result.String("token"), objects.All(o => !o.Hidden)), null);
    }

    private static void Filter(VimWriter writer, string type, string[] paths, Action<VimWriter> from, IEnumerable<MoRef>? more = null)
    {
        writer.Open("specSet").Open("propSet").Text("type", type);
        foreach (var path in paths)
            writer.Text("pathSet", path);
        writer.Close().Open("objectSet");
        from(writer);
        writer.Close();
        foreach (var target in more ?? [])
            writer.Open("objectSet").Ref("obj", target).Close();
        // Of many, one that went meanwhile is left out; of one, that it isn't there is the answer.
        writer.Flag("reportMissingObjectsInResults", more is null ? null : true).Close();
    }

    private static VimObject? ToObject(VimNode node)
    {
        if (node.Ref("obj") is not { } reference)
            return null;
        var properties = ImmutableDictionary.CreateBuilder<string, VimNode>(StringComparer.Ordinal);
        foreach (var property in node.All("propSet"))
            if (property.String("name") is { } name && property.Find("val") is { } value)
                properties[name] = value;
        // What an object doesn't have isn't withheld.
        var withheld = node.All("missingSet").Select(m => m.Find("fault", "fault")?.Type).FirstOrDefault(t => t is not (null or "InvalidProperty"));
        return new VimObject(reference, properties.ToImmutable(), withheld);
    }

    /// <summary>Why something can't be read, by the reason that the platform gives for each property.</summary>
    public static DriverError Unread(string what, string reason) => reason is "NoPermission" or "SecurityError"
        ? VimErrors.Refused(ErrorCode.Forbidden, $"The account may not read {what}: it lacks System.Read there.") with { PlatformCode = reason }
        : VimErrors.Refused(ErrorCode.Unavailable, $"The platform doesn't show {what} now ({reason}); nothing is concluded from it.") with { PlatformCode = reason };

    // Without a session some servers answer properties with a reason for each that is missing.
    private static bool IsRefusal(VimAnswer answer) =>
        answer.Result?.All("objects").Any(o => o.All("missingSet").Any(m => m.Find("fault", "fault")?.Type == "NotAuthenticated")) == true;
}
