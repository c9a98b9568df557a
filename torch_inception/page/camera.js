// The camera, frame by frame.

const LONGER_SIDE = 640; // of a frame, in pixels; twice what the network sees
const QUALITY = 0.92;

const REASONS = {
  NotAllowedError: "The browser may not use the camera. Allow it in the settings of this page.",
  NotFoundError: "No camera was found.",
  NotReadableError: "The camera cannot be used. Another program may be using it.",
};

export class Camera {
  constructor(video) {
    this.video = video;
  }

  async start() {
    if (!navigator.mediaDevices) {
      throw new Error(
        "Browsers give the camera only to pages that come by https, or from this computer. " +
          "This one came by http from another address.",
      );
    }
    try {
      const video = { facingMode: "environment", width: { ideal: LONGER_SIDE } };
      this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video });
      await this.video.play();
    } catch (error) {
      this.stop();
      throw new Error(REASONS[error.name] ?? `The camera cannot be used (${error.message}).`);
    }
  }

  stop() {
    for (const track of this.video.srcObject?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
  }

  // Returns the newest frame as a JPEG, once the page is shown.
  async frame() {
    await new Promise(requestAnimationFrame);
    const { videoWidth: width, videoHeight: height } = this.video;
    const share = Math.min(1, LONGER_SIDE / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * share);
    canvas.height = Math.round(height * share);
    canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  }
}
