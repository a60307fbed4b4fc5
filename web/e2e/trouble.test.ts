// What is missing is said in plain words, and nobody is kept out for it.
import { ids } from "../src/ui/testids.ts";
import { scenario } from "./scenario.ts";
import { closeBrowser, node, type Machine } from "./world.ts";

const troubles: { title: string; machine: Machine; code: string; words: RegExp; heard: boolean }[] = [
  { title: "without permission for camera and microphone", machine: "all refused", code: "permission_denied", words: /blocked.*allow/is, heard: false },
  { title: "without a camera", machine: "no camera", code: "no_camera", words: /No camera found.*join/is, heard: true },
];

for (const { title, machine, code, words, heard } of troubles) {
  scenario(`joining ${title}`, async (s) => {
    const ada = await s.person("Ada");
    await ada.join({ node: await node(), room: s.room });
    const bob = await s.person("Bob", machine);
    await bob.open({ node: await node(), room: s.room });
    await bob.on(ids.problem).and(bob.page.locator(`[data-code="${code}"]`)).filter({ hasText: words }).waitFor();
    await s.shoot("-lobby");
    await bob.enter();
    await Promise.all([bob.sees(ada), bob.hears()]);
    await ada.isWith(bob);
    await ada.noticesThat(bob, "video", false);
    await ada.noticesThat(bob, "audio", heard);
    if (heard) await ada.hears();
    else await ada.hearsNothing();
    await s.close();
    await closeBrowser(machine);
  });
}
